import type { Deps } from '../deps';
import type { Caller } from '../access';
import { ok, reads, type Call } from './call';
import { pageQuery, pageView, slice } from './pages';
import { organizationView, userView } from './views/organization';
import { regionView } from './views/shared';

/** Organizations, which are named by their ids, and the little that there is around them. */
export function organizationCalls({ store }: Deps): Call[] {
  /** The organizations that a caller may see: for a token of all of them, those that have a database. */
  const visible = async ({ boundTo }: Caller): Promise<readonly string[]> =>
    boundTo === null ? await store.deploys.databases.organizations() : [boundTo];

  const shown = async (organizationId: string): Promise<object> => {
    const { total } = await store.deploys.databases.list(organizationId, { page: 1, perPage: 1 });
    return organizationView(organizationId, total);
  };

  return [
    reads('get', '/organizations', { query: pageQuery }, async (called) => {
      const { items, total } = slice(await visible(called.caller), called.query);
      return ok(pageView(called, { items: await Promise.all(items.map(shown)), total }, (each) => each));
    }),
    reads('get', '/organizations/{organization}', {}, async ({ organizationId }) => ok(await shown(organizationId))),
    reads('get', '/organizations/{organization}/regions', { query: pageQuery }, (called) =>
      Promise.resolve(ok(pageView(called, slice([regionView], called.query), (each) => each))),
    ),
    reads('get', '/organizations/{organization}/cluster-size-skus', {}, () => Promise.resolve(ok([]))),
    reads('get', '/regions', { query: pageQuery }, (called) =>
      Promise.resolve(ok(pageView(called, slice([regionView], called.query), (each) => each))),
    ),
    reads('get', '/user', {}, ({ caller }) => Promise.resolve(ok(userView(caller)))),
  ];
}
