import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Leases } from '../prisma/store';
import { acquire } from './acquire';

/** What a process that died in the middle holds others of other hosts up for, at most. */
const ttlMs = 6_000;
const renewMs = 2_000;
const pollMs = 15;

/** Runs pieces of work of several processes one at a time, held apart by a lease of this name. */
export function exclusive(leases: Leases, name: string, identity: string): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => {
    let lease = await wait(leases, name, identity);
    // A lost lease is not work's to notice: what is written under it is read back and owned by allocation.
    const renewal = setInterval(
      () =>
        void leases.renew(lease, ttlMs).then(
          (renewed) => (lease = renewed),
          () => undefined,
        ),
      renewMs,
    );
    try {
      return await work();
    } finally {
      clearInterval(renewal);
      await leases.release(lease);
    }
  };
}

async function wait(leases: Leases, name: string, identity: string): Promise<Lease> {
  for (;;) {
    const lease = await acquire(leases, name, identity, ttlMs);
    if (lease) return lease;
    await sleep(pollMs);
  }
}
