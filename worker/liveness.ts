import type { Lease, Store } from '../prisma/store';
import { isDeadHere } from './identity';

/** A worker that has not renewed its lease for this long is taken for dead (design: noticed in seconds). */
const ttlMs = 6_000;
const renewMs = 2_000;
const prefix = 'worker/';

/**
 * Keeps this worker known as alive, and ends as "outcome unknown" the attempts of workers that are not. One that comes
 * back from a pause takes its lease again; its late attempts are fenced by what they write to.
 */
export class Liveness {
  private timer: NodeJS.Timeout | undefined;
  private lease: Lease | undefined;

  constructor(
    private readonly store: Store,
    private readonly identity: string,
    private readonly onError: (error: Error) => void,
  ) {}

  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat().catch(this.onError), renewMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    if (this.lease) await this.store.leases.release(this.lease);
  }

  private async beat(): Promise<void> {
    this.lease = await this.store.leases.acquireOrSteal(prefix + this.identity, this.identity, ttlMs);
    const leases = await this.store.leases.list(prefix);
    const alive = leases.filter((lease) => lease.expiresAt > new Date() && !isDeadHere(lease.holder));
    await this.store.journal.closeOrphans(alive.map((lease) => lease.holder));
    // Long gone: its row is only a leftover.
    const gone = leases.filter((lease) => lease.expiresAt < new Date(Date.now() - 10 * ttlMs));
    for (const lease of gone) await this.store.leases.release(lease);
  }
}
