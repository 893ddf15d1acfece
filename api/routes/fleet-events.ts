import type { FleetEventFilter } from '../../prisma/fleet-store';
import { token } from '../access';
import type { Deps } from '../deps';
import { fleetEventSchema, fleetName } from '../fleet/schemas';
import { fleetEventView } from '../fleet/views';
import { ok, route, type Answer, type Route } from '../route';
import { nextPageToken, pageSize, paging, uuid } from '../schemas';
import { z } from '../zod';

const query = {
  order: z.enum(['oldest_first', 'newest_first']).optional().openapi({ default: 'oldest_first' }),
  page_size: paging.page_size,
  page_token: z
    .string()
    .regex(/^(0|[1-9][0-9]{0,14})$/, 'must be the seq of an event')
    .optional()
    .openapi({ description: 'The `seq` of the last event that was seen; also how new ones are followed.' }),
};

const answers = {
  200: {
    description: 'One page.',
    schema: z.object({ events: z.array(fleetEventSchema), next_page_token: nextPageToken }).openapi('FleetEventPage'),
  },
};

/** What happened to gateways and their replicas. */
export function fleetEventRoutes({ store, fleet }: Deps): Route[] {
  interface Paging {
    readonly order?: 'oldest_first' | 'newest_first' | undefined;
    readonly page_size?: string | undefined;
    readonly page_token?: string | undefined;
  }
  const page = async (filter: Pick<FleetEventFilter, 'organizationId' | 'within'>, asked: Paging): Promise<Answer> => {
    const limit = pageSize(asked.page_size);
    const events = await store.fleet.events.page({
      ...filter,
      descending: asked.order === 'newest_first',
      ...(asked.page_token !== undefined && { cursor: Number(asked.page_token) }),
      limit: limit + 1,
    });
    const shown = events.slice(0, limit);
    const next = events.length > limit ? String(shown.at(-1)!.seq) : null;
    return ok({ events: shown.map(fleetEventView), next_page_token: next });
  };

  const ofGateway = route({
    method: 'get',
    path: '/v1/organizations/{org}/gateways/{name}/events',
    operationId: 'listGatewayEvents',
    tag: 'fleet',
    summary: 'Read what happened to a gateway and its replicas',
    access: token('read'),
    params: z.strictObject({ org: uuid, name: fleetName }),
    query: z.strictObject(query),
    answers,
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, query: asked }) {
      caller.mustSee(org);
      const { gateway } = await fleet.get(org, name);
      return await page({ organizationId: org, within: [gateway.id] }, asked);
    },
  });

  const ofOrganization = route({
    method: 'get',
    path: '/v1/organizations/{org}/gateway-events',
    operationId: 'listOrganizationGatewayEvents',
    tag: 'fleet',
    summary: 'Read what happened to an organization’s gateways, also to those that are gone',
    access: token('read'),
    params: z.strictObject({ org: uuid }),
    query: z.strictObject({ ...query, gateway_id: uuid.optional() }),
    answers,
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org }, query: { gateway_id: id, ...asked } }) {
      caller.mustSee(org);
      return await page({ organizationId: org, ...(id !== undefined && { within: [id] }) }, asked);
    },
  });
  return [ofGateway, ofOrganization];
}
