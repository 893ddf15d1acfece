import { Failure } from '../../domain/failures';
import { token } from '../access';
import type { Deps } from '../deps';
import { ok, route, type Route } from '../route';
import { allocationSchema, flag, nextPageToken, pageSize, paging, uuid } from '../schemas';
import { allocationView } from '../views';
import { z } from '../zod';

/** `/gateways/allocations`: which organizations hold which replicas. */
export function allocationRoutes({ store }: Deps): Route[] {
  const list = route({
    method: 'get',
    path: '/gateways/allocations',
    operationId: 'listAllocations',
    tag: 'gateways',
    summary: 'List allocations, newest first',
    access: token('read'),
    query: z.strictObject({
      organization: uuid.optional(),
      open: flag
        .optional()
        .openapi({ description: '`true` for those that hold a replica, `false` for those that ended.' }),
      ...paging,
    }),
    answers: {
      200: {
        description: 'One page.',
        schema: z
          .object({ allocations: z.array(allocationSchema), next_page_token: nextPageToken })
          .openapi('AllocationPage'),
      },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, query }) {
      const organizationId = caller.organizationFilter(query.organization);
      const limit = pageSize(query.page_size);
      const page = await store.pool.allocations({
        ...(organizationId !== undefined && { organizationId }),
        ...(query.open !== undefined && { open: query.open === 'true' }),
        ...(query.page_token !== undefined && { before: position(query.page_token) }),
        limit: limit + 1,
      });
      const shown = page.slice(0, limit);
      const next = page.length > limit ? Buffer.from(shown.at(-1)!.id).toString('base64url') : null;
      return ok({ allocations: shown.map(allocationView), next_page_token: next });
    },
  });

  const one = route({
    method: 'get',
    path: '/gateways/allocations/{id}',
    operationId: 'getAllocation',
    tag: 'gateways',
    summary: 'Read one allocation',
    access: token('read'),
    params: z.strictObject({ id: uuid }),
    headers: z.object({ 'If-None-Match': z.string().max(200).optional() }),
    answers: {
      200: { description: 'The allocation.', schema: allocationSchema, headers: { ETag: 'Its resource version.' } },
      304: { description: 'It has not changed since that ETag.' },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, headers }) {
      const found = await store.pool.allocation(params.id);
      if (!found || !caller.sees(found.organizationId)) throw new Failure('NOT_FOUND', 'There is no such allocation.');
      const etag = `"${found.resourceVersion}"`;
      if (headers['If-None-Match'] === etag) return { status: 304, headers: { ETag: etag } };
      return ok(allocationView(found), { ETag: etag });
    },
  });
  return [list, one];
}

/** The allocation after which a page begins. */
function position(token: string): string {
  const id = uuid.safeParse(Buffer.from(token, 'base64url').toString());
  if (id.success) return id.data;
  const errors = [{ detail: 'page_token: not one that a page has given.', parameter: 'page_token' }];
  throw new Failure('INVALID_INPUT', errors[0]!.detail, { data: { errors } });
}
