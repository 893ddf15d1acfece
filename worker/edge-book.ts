import { Failure, isFailure } from '../domain/failures';
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
    claimGeneration: (hold, above) => known(edge, store.edges.claimGeneration(edge, hold, above)),
    recordLive: (hold, live) => known(edge, store.edges.recordLive(edge, hold, live)),
    markBehind: (reason) => known(edge, store.edges.markBehind(edge, reason)),
    async record() {
      return (await store.edges.get(edge)) ?? (await store.edges.register(edge));
    },
  };
}

/**
 * An edge that was removed in mid-cycle is like one that was taken over: its publisher begins anew, from a record that
 * registers it again.
 */
async function known<T>(edge: string, change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (!isFailure(error) || error.code !== 'NOT_FOUND') throw error;
    throw new Failure('EDGE_FENCED', `edge ${edge} was removed in mid-cycle`, { cause: error });
  }
}
