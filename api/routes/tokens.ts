import { Failure } from '../../domain/failures';
import { mintToken } from '../../prisma/token-secret';
import { token } from '../access';
import type { Deps } from '../deps';
import { ok, route, type Route } from '../route';
import { time, uuid } from '../schemas';
import { tokenView } from '../views';
import { z } from '../zod';

const scope = z.enum(['read', 'operate', 'admin']);

const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scope,
    organization_id: uuid.nullable().openapi({ description: 'null: all organizations.' }),
    created_at: time,
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    last_used_at: time.nullable(),
  })
  .openapi('Token');

/** `/tokens`: an administrator of one organization sees and makes tokens of that organization only. */
export function tokenRoutes({ store, now }: Deps): Route[] {
  const create = route({
    method: 'post',
    path: '/tokens',
    operationId: 'createToken',
    tag: 'tokens',
    summary: 'Make a token; its text is in this answer and nowhere else',
    access: token('admin'),
    body: z
      .strictObject({
        name: z.string().regex(/^[\x20-\x7e]{1,100}$/, 'must be 1 to 100 printable characters'),
        scope,
        organization_id: uuid.nullish().openapi({ description: 'Left out: that of the caller.' }),
        expires_at: z.iso.datetime().optional(),
      })
      .openapi('CreateToken'),
    answers: {
      201: { description: 'The token.', schema: tokenSchema.extend({ token: z.string() }).openapi('MintedToken') },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, body }) {
      const organizationId = body.organization_id === undefined ? caller.boundTo : body.organization_id;
      caller.mustSee(organizationId);
      const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
      if (expiresAt && expiresAt <= now())
        throw new Failure('INVALID_INPUT', 'expires_at: must be in the future.', {
          data: { errors: [{ detail: 'must be in the future', pointer: '#/expires_at' }] },
        });
      const { id, hash, text } = mintToken();
      const made = await store.tokens.create({
        id,
        name: body.name,
        secretHash: hash,
        scope: body.scope,
        organizationId,
        expiresAt,
      });
      return { status: 201, body: { ...tokenView(made), token: text } };
    },
  });

  const list = route({
    method: 'get',
    path: '/tokens',
    operationId: 'listTokens',
    tag: 'tokens',
    summary: 'List tokens',
    access: token('admin'),
    answers: {
      200: { description: 'All of them.', schema: z.object({ tokens: z.array(tokenSchema) }).openapi('TokenList') },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller }) {
      const all = await store.tokens.list();
      return ok({ tokens: all.filter((each) => caller.sees(each.organizationId)).map(tokenView) });
    },
  });

  const revoke = route({
    method: 'delete',
    path: '/tokens/{id}',
    operationId: 'revokeToken',
    tag: 'tokens',
    summary: 'Revoke a token; it is refused from then on',
    access: token('admin'),
    params: z.strictObject({ id: z.string().regex(/^[a-z0-9]{8,32}$/, 'must be the id of a token') }),
    answers: { 200: { description: 'The revoked token.', schema: tokenSchema } },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      const found = await store.tokens.find(params.id);
      if (!found || !caller.sees(found.organizationId)) throw new Failure('NOT_FOUND', 'There is no such token.');
      return ok(tokenView(await store.tokens.revoke(params.id)));
    },
  });
  return [create, list, revoke];
}
