import type { Network } from '../../domain/address';
import { Failure, isFailure } from '../../domain/failures';
import type { Edge, Liveness } from './edge';
import type { EdgeBook, Hold } from './edge-book';
import { RouteTable, type RefusedRoute } from './route-table';

/** Receives what a publisher does on its own account. */
export type PublisherLog = (message: string, details: Readonly<Record<string, unknown>>) => void;

/** What one generation came to. */
export type Outcome = Liveness & {
  readonly generation: number;
  /** The route revision that it includes. */
  readonly revision: number;
};

/**
 * Makes one generation after the other of an edge, while it holds the edge. The hold is looked at again before anything
 * of nginx is touched, and generation numbers fence a publisher that lost it without noticing.
 */
export class GenerationCycle {
  private readonly table: RouteTable;
  private hold: Hold | null = null;
  /** The revision that the table is at; undefined before it was read as a whole. */
  private seen: number | undefined;
  /** Route changes that no live generation carries yet. */
  private carried = 0;

  constructor(
    private readonly edge: Edge,
    private readonly book: EdgeBook,
    networks: readonly Network[],
    private readonly log: PublisherLog,
  ) {
    this.table = new RouteTable(networks);
  }

  /** Takes the edge, or keeps it; false while another publisher has it. */
  async acquire(): Promise<boolean> {
    this.hold = await this.book.acquire();
    return this.hold !== null;
  }

  /** Gives the edge to other publishers. Never throws: a hold that is not given back runs out. */
  async release(): Promise<void> {
    const { hold } = this;
    this.hold = null;
    if (!hold) return;
    await this.book.release(hold).catch((error: unknown) => this.log('edge not given back', { error }));
  }

  /** The refused route of a revision, if it is one. */
  refused(revision: number): RefusedRoute | undefined {
    return this.table.refused(revision);
  }

  /** Forgets what is known of the routes, so that they are read from the beginning. */
  forget(): void {
    this.seen = undefined;
    this.carried = 0;
  }

  /** Learns the routes that another publisher has carried, and which of them can not be. */
  async follow(): Promise<void> {
    await this.read();
    this.carried = 0;
  }

  /**
   * One generation, from reading the desired routes to its proof. If it fails, the one before is live again.
   * @throws Failure EDGE_NOT_LIVE, EDGE_CONFIG_REFUSED, STORE_UNAVAILABLE; see {@link isFenced} for a lost hold.
   */
  async make(): Promise<Outcome> {
    const hold = this.hold!;
    const previous = await this.edge.files.live();
    const [, generation] = await Promise.all([this.read(), this.book.claimGeneration(hold, previous ?? 0)]);
    const revision = this.seen!;
    const liveness = await this.switchTo(generation).catch(async (error: Error) => {
      if (!isFenced(error)) await this.goBack(generation, previous, error);
      throw error;
    });
    if (liveness.state === 'live') {
      await this.book.recordLive(this.hold!, { generation, revision, changes: this.carried });
      this.carried = 0;
    } else {
      await this.book.markBehind(liveness.reason);
    }
    void this.edge.files.prune().catch((error: unknown) => this.log('old generations not removed', { error }));
    return { generation, revision, ...liveness };
  }

  private async switchTo(generation: number): Promise<Liveness> {
    await this.edge.stage(generation, this.table.rendered());
    await this.renew();
    await this.edge.flip(generation);
    this.mustHold();
    return await this.edge.makeLive(generation);
  }

  /**
   * After a generation that failed: what nginx reads and serves is the one before, and the book says why. A store that is
   * away does not keep it from that while the hold is good.
   */
  private async goBack(generation: number, previous: number | undefined, cause: Error): Promise<void> {
    await this.renew().catch((error: unknown) => {
      if (isFenced(error)) throw error;
      this.mustHold();
    });
    const flipped = (await this.edge.files.live()) === generation;
    const restored = flipped && previous !== undefined ? await this.edge.restore(generation, previous) : !flipped;
    this.log('generation taken back', { edge: this.edge.name, generation, previous, restored, reason: cause.message });
    await this.book.markBehind(cause.message).catch((error: unknown) => this.log('edge not marked', { error }));
  }

  /** Brings the table up to the store, from the beginning where nothing is known of it. */
  private async read(): Promise<void> {
    const known = this.seen;
    // Read before the routes: the newest change may be a tombstone that is pruned already.
    const head = known ?? (await this.book.head());
    const counted = known ?? (await this.book.record()).liveRevision;
    const changes = await this.book.changesSince(known ?? 0);
    if (known === undefined) this.table.clear();
    for (const { route, failure } of this.table.apply(changes)) {
      this.log('route left out', { edge: this.edge.name, allocationId: route.allocationId, code: failure.code });
    }
    this.carried += changes.filter((route) => route.revision > counted).length;
    this.seen = changes.reduce((highest, { revision }) => Math.max(highest, revision), head);
  }

  private async renew(): Promise<void> {
    this.hold = await this.book.renew(this.hold!);
  }

  /** The last look before nginx is told: a hold that ran out while the process was stopped is worth nothing. */
  private mustHold(): void {
    if (this.hold!.expiresAt.getTime() > Date.now()) return;
    throw new Failure('EDGE_FENCED', `the hold on edge ${this.edge.name} ran out in mid-cycle`);
  }
}

/** Whether an error says that another publisher has taken the edge over. */
export function isFenced(error: unknown): boolean {
  return isFailure(error) && (error.code === 'EDGE_FENCED' || error.code === 'CONFLICT');
}
