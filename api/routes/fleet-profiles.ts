import { readProfile } from '../../domain/fleet/profile';
import { Failure } from '../../domain/failures';
import { token } from '../access';
import type { Deps } from '../deps';
import { fleetName, profileSchema } from '../fleet/schemas';
import { profileView } from '../fleet/views';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';

/**
 * Bytes of a profile: it holds every file and script that configuring needs, the agent among them. What a profile may
 * hold at most (domain/fleet/profile.ts), and half as much again for what JSON escapes.
 */
const PROFILE_BYTES = 6 * 1024 * 1024;

/** `/v1/organizations/{org}/profiles`: what configuring a replica does. */
export function fleetProfileRoutes({ store }: Deps): Route[] {
  const list = route({
    method: 'get',
    path: '/v1/organizations/{org}/profiles',
    operationId: 'listProfiles',
    tag: 'fleet',
    summary: 'List an organization’s own profiles, the latest revision of each',
    access: token('read'),
    params: z.strictObject({ org: uuid }),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ profiles: z.array(profileSchema) }).openapi('ProfileList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org } }) {
      caller.mustSee(org);
      return ok({ profiles: (await store.fleet.profiles.list(org)).map(profileView) });
    },
  });

  const one = route({
    method: 'get',
    path: '/v1/organizations/{org}/profiles/{name}',
    operationId: 'getProfile',
    tag: 'fleet',
    summary: 'Read a profile',
    access: token('read'),
    params: z.strictObject({ org: uuid, name: fleetName }),
    query: z.strictObject({
      revision: z
        .string()
        .regex(/^[1-9][0-9]{0,8}$/, 'must be the number of a revision')
        .optional()
        .openapi({ type: 'integer', description: 'The latest one unless told.' }),
    }),
    answers: { 200: { description: 'The revision.', schema: profileSchema, headers: { ETag: 'Its revision.' } } },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, query: { revision } }) {
      caller.mustSee(org);
      const found = await store.fleet.profiles.get(org, name, revision === undefined ? undefined : Number(revision));
      if (!found) throw new Failure('NOT_FOUND', 'There is no such profile.');
      return ok(profileView(found), { ETag: `"${found.revision}"` });
    },
  });

  const put = route({
    method: 'put',
    path: '/v1/organizations/{org}/profiles/{name}',
    operationId: 'putProfile',
    tag: 'fleet',
    summary: 'Keep a profile under its next revision',
    description:
      'Revisions are never changed; the same document keeps its revision. Gateways go on with the revision they have until they are applied again.',
    access: token('admin'),
    params: z.strictObject({ org: uuid, name: fleetName }),
    body: z.looseObject({ name: z.string().optional() }).openapi('ProfileSpecification', {
      description: 'Values, files, scripts and a health check; whatever is not known is refused.',
    }),
    bodyBytes: PROFILE_BYTES,
    answers: { 200: { description: 'The revision.', schema: profileSchema, headers: { ETag: 'Its revision.' } } },
    failures: ['PROFILE_INVALID', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { org, name }, body }) {
      caller.mustSee(org);
      const profile = readProfile({ ...body, name: body.name ?? name });
      if (profile.name !== name)
        throw new Failure('PROFILE_INVALID', 'The name must be the one in the address, or left out.', {
          data: { errors: [{ detail: 'name: must be the one in the address.', pointer: '#/name' }] },
        });
      const stored = await store.fleet.profiles.put(org, name, profile);
      return ok(profileView(stored), { ETag: `"${stored.revision}"` });
    },
  });
  return [list, one, put];
}
