import type { EdgeBook } from '../drivers/nginx/edge-book';
import type { Store } from '../prisma/store';
import { acquire } from './acquire';

/** Longer than the longest publication: a failed proof (5 s) and going back from it. Dead holders here are not waited for. */
const ttlMs = 10_000;

/** What the publisher of one edge needs of the store. */
export function edgeBook(store: Store, edge: string, identity: string): EdgeBook {
  const name = `edge/${edge}`;
  return {
    acquire: () => acquire(store.leases, name, identity, ttlMs),
    renew: (hold) => store.leases.renew(hold, ttlMs),
    release: (hold) => store.leases.release(hold),
    changesSince: (revision) => store.routes.changesSince(revision),
    head: () => store.routes.head(),
    claimGeneration: (hold, above) => store.edges.claimGeneration(edge, hold, above),
    recordLive: (hold, live) => store.edges.recordLive(edge, hold, live),
    markBehind: (reason) => store.edges.markBehind(edge, reason),
    async record() {
      return (await store.edges.get(edge)) ?? (await store.edges.register(edge));
    },
  };
}
