import type { Deps } from '../deps';
import { ok, reads, type Call } from './call';
import { Lookup } from './lookup';
import { pageQuery, pageView, slice } from './pages';
import { deploymentView } from './views/request';

/** The deployments of a database that hold a place or wait for one, in the order in which they come. */
export function queueCalls(deps: Deps): Call[] {
  const lookup = new Lookup(deps);
  return [
    reads(
      'get',
      '/organizations/{organization}/databases/{database}/deploy-queue',
      { query: pageQuery },
      async (called) => {
        const database = await lookup.database(called);
        const inLine = await deps.store.deploys.requests.inLine(database.organizationId, database.id);
        const { items, total } = slice(inLine, called.query);
        const shown = await lookup.shown(database, items);
        return ok(pageView(called, { items: shown, total }, deploymentView));
      },
    ),
  ];
}
