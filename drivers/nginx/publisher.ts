import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../../domain/address';
import { Failure, isFailure } from '../../domain/failures';
import type { Edge, Liveness } from './edge';
import type { EdgeBook, Hold } from './edge-book';
import { RouteTable } from './route-table';

/** What a caller of {@link Publisher.publish} learns. */
export type Published = Liveness & {
  /** The generation that carries the change. */
  readonly generation: number;
  /** The route revision that it includes. */
  readonly revision: number;
  /** How many callers this generation answered together, this one included. */
  readonly coalesced: number;
};

/** Receives what a publisher does on its own account. */
export type PublisherLog = (message: string, details: Readonly<Record<string, unknown>>) => void;

export interface PublisherOptions {
  readonly edge: Edge;
  readonly book: EdgeBook;
  /** The networks that gateways may live in; a route to anywhere else is left out. */
  readonly networks: readonly Network[];
  readonly log?: PublisherLog;
  /** Milliseconds that a caller waits for another publisher that holds the edge; 15,000 unless told. */
  readonly standByMs?: number;
}

interface Waiter {
  readonly revision: number;
  /** A generation at or below this one does not answer it: what repairs an edge wants a new one. */
  readonly after: number;
  readonly deadline: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
}

/** One generation's outcome, before it is known how many callers it answers. */
type Outcome = Omit<Published, 'coalesced'> & Liveness;

/**
 * Publishes the desired routes to one edge: writes a generation, tests it, makes it live and proves it. Callers that
 * come while that is under way share the next generation, or this one where it already includes their change.
 *
 * Several publishers, in as many processes, may have the same edge. A lease in the book says whose turn it is; it is
 * looked at again before anything of nginx is touched, and generation numbers fence one that lost it without noticing.
 */
export class Publisher {
  readonly edge: Edge;
  private readonly book: EdgeBook;
  private readonly table: RouteTable;
  private readonly log: PublisherLog;
  private readonly standByMs: number;
  private waiting: Waiter[] = [];
  private draining: Promise<void> | undefined;
  private releasing: Promise<void> = Promise.resolve();
  private hold: Hold | null = null;
  /** The revision that the table is at; undefined before it was read as a whole. */
  private seen: number | undefined;
  /** Route changes that no live generation of this publisher carries yet. */
  private carried = 0;
  private last: Outcome | undefined;
  private closed = false;

  constructor(options: PublisherOptions) {
    this.edge = options.edge;
    this.book = options.book;
    this.table = new RouteTable(options.networks);
    this.log = options.log ?? (() => undefined);
    this.standByMs = options.standByMs ?? 15_000;
  }

  /** Whether a generation is on its way. */
  get busy(): boolean {
    return this.draining !== undefined;
  }

  /** What this publisher's last generation came to. */
  get lastOutcome(): Outcome | undefined {
    return this.last;
  }

  /**
   * Resolves once the edge carries every route change up to `revision`, or is down and would come up with them.
   * @throws Failure EDGE_NOT_LIVE, EDGE_CONFIG_REFUSED; INVALID_INPUT, ADDRESS_REFUSED or STATE_CONFLICT when the route
   * of exactly this revision cannot be carried; STORE_UNAVAILABLE.
   */
  async publish(revision: number): Promise<Published> {
    const already = await this.alreadyLive(revision);
    return already ?? (await this.join(revision, -1));
  }

  /** Publishes everything anew, in a generation above `after`: what repairs an edge. */
  async republish(revision: number, after: number): Promise<Published> {
    return await this.join(revision, after);
  }

  /** Takes no more callers, ends what is under way and gives the edge to other publishers. */
  async close(): Promise<void> {
    this.closed = true;
    await this.draining;
    await this.releasing;
  }

  /** A repeat after a lost answer needs no reload, if nginx says that it is so. */
  private async alreadyLive(revision: number): Promise<Published | undefined> {
    if (this.busy || !this.last || this.last.revision < revision) return undefined;
    const record = await this.book.record();
    if (record.liveRevision < revision || this.table.refused(revision)) return undefined;
    const presence = await this.edge.presence();
    if (presence.state !== 'up' || presence.generation !== record.liveGeneration) return undefined;
    if ((await this.edge.files.live()) !== record.liveGeneration) return undefined;
    return { state: 'live', generation: record.liveGeneration, revision: record.liveRevision, coalesced: 1 };
  }

  private join(revision: number, after: number): Promise<Published> {
    if (this.closed)
      return Promise.reject(new Failure('EDGE_UNREACHABLE', `the publisher of ${this.edge.name} is closed`));
    return new Promise((resolve, reject) => {
      this.waiting.push({ revision, after, deadline: Date.now() + this.standByMs, resolve, reject });
      this.draining ??= this.drain();
    });
  }

  private async drain(): Promise<void> {
    await this.releasing;
    while (this.waiting.length > 0) {
      const batch = [...this.waiting];
      try {
        this.hold = await this.book.acquire();
        if (!this.hold) await this.standBy();
        else if (!(await this.repaired(batch))) this.settle(await this.cycle(this.hold), batch);
      } catch (error) {
        if (fenced(error)) await this.yieldTo(error);
        else this.fail(batch, error);
      }
    }
    this.draining = undefined;
    // Not waited for: nobody's answer depends on it, and the next turn begins behind it.
    this.releasing = this.release();
  }

  /** One generation, from reading the desired routes to its proof. */
  private async cycle(hold: Hold): Promise<Outcome> {
    const previous = await this.edge.files.live();
    const [, generation] = await Promise.all([this.read(), this.book.claimGeneration(hold, previous ?? 0)]);
    const revision = this.seen!;
    let liveness: Liveness;
    try {
      await this.edge.write(generation, this.table.rendered());
      await this.edge.test(generation);
      hold = await this.renew(hold);
      await this.edge.flip(generation);
      mustHold(hold);
      liveness = await this.edge.makeLive(generation);
    } catch (error) {
      if (!fenced(error)) await this.goBack(hold, generation, previous, error as Error);
      throw error;
    }
    if (liveness.state === 'live') {
      await this.book.recordLive(hold, { generation, revision, changes: this.carried });
      this.carried = 0;
    } else {
      await this.book.markBehind(liveness.reason);
    }
    void this.edge.files.prune().catch((error: Error) => this.log('old generations not removed', { error }));
    return (this.last = { generation, revision, ...liveness });
  }

  /**
   * After a generation that failed: what nginx reads and serves is the one before, and the book says why. A store that is
   * away does not keep it from that while the hold is good.
   */
  private async goBack(hold: Hold, generation: number, previous: number | undefined, error: Error): Promise<void> {
    await this.renew(hold).catch((problem: unknown) => {
      if (fenced(problem)) throw problem;
      mustHold(hold);
    });
    const flipped = (await this.edge.files.live()) === generation;
    const restored = flipped && previous !== undefined ? await this.edge.restore(generation, previous) : !flipped;
    this.log('generation taken back', { edge: this.edge.name, generation, previous, restored, reason: error.message });
    await this.book.markBehind(error.message).catch((error: Error) => this.log('edge not marked', { error }));
  }

  private async renew(hold: Hold): Promise<Hold> {
    return (this.hold = await this.book.renew(hold));
  }

  private async release(): Promise<void> {
    const { hold } = this;
    this.hold = null;
    if (!hold) return;
    await this.book.release(hold).catch((error: Error) => this.log('edge not given back', { error }));
  }

  /** Brings the table up to the store, from the beginning where nothing is known of it. */
  private async read(): Promise<void> {
    const from = this.seen ?? 0;
    // Read before the routes: the newest change may be a tombstone that is pruned already.
    const head = this.seen === undefined ? await this.book.head() : from;
    const since = this.seen === undefined ? (await this.book.record()).liveRevision : from;
    const changes = await this.book.changesSince(from);
    if (this.seen === undefined) this.table.clear();
    for (const { route, failure } of this.table.apply(changes)) {
      this.log('route left out', { edge: this.edge.name, allocationId: route.allocationId, code: failure.code });
    }
    this.carried += changes.filter((route) => route.revision > since).length;
    this.seen = changes.reduce((highest, { revision }) => Math.max(highest, revision), head);
  }

  /** Where all who wait want an edge repaired, another publisher may have done it while they waited for their turn. */
  private async repaired(batch: readonly Waiter[]): Promise<boolean> {
    if (batch.some(({ after }) => after < 0)) return false;
    const { liveGeneration, liveRevision } = await this.book.record();
    this.answer({ state: 'live', generation: liveGeneration, revision: liveRevision });
    return batch.some((waiter) => !this.waiting.includes(waiter));
  }

  /** Another publisher has the edge: waits for what it makes live, or for the edge to be given back. */
  private async standBy(): Promise<void> {
    await sleep(15 + Math.random() * 20);
    const { liveGeneration, liveRevision } = await this.book.record();
    if (this.waiting.some(({ revision }) => revision <= liveRevision)) {
      // Also to know which routes it had to leave out.
      await this.read();
      this.carried = 0;
    }
    this.answer({ state: 'live', generation: liveGeneration, revision: liveRevision });
    this.expire();
  }

  /** The edge was lost in mid-cycle: forget what was known, and wait for our turn. */
  private async yieldTo(error: unknown): Promise<void> {
    this.log('edge lost to another publisher', { edge: this.edge.name, error });
    this.seen = undefined;
    this.carried = 0;
    this.expire();
    await sleep(15 + Math.random() * 20);
  }

  private expire(): void {
    const late = this.waiting.filter((waiter) => Date.now() > waiter.deadline);
    this.fail(
      late,
      new Failure('EDGE_NOT_LIVE', `another publisher holds edge ${this.edge.name} and has not carried this`),
    );
  }

  private settle(outcome: Outcome, batch: readonly Waiter[]): void {
    this.answer(outcome);
    // Whoever came before the routes were read and is still not answered named a revision that does not exist.
    const unknown = batch.filter((waiter) => this.waiting.includes(waiter));
    this.fail(unknown, new Failure('INVALID_INPUT', `the latest route revision is ${outcome.revision}`));
  }

  /** Answers everybody whose change a generation includes, also those who came while it was under way. */
  private answer(outcome: Outcome): void {
    const included = (waiter: Waiter): boolean =>
      waiter.revision <= outcome.revision && waiter.after < outcome.generation;
    const answered = this.waiting.filter(included);
    this.waiting = this.waiting.filter((waiter) => !included(waiter));
    for (const waiter of answered) {
      const refused = waiter.after < 0 ? this.table.refused(waiter.revision) : undefined;
      if (refused) waiter.reject(refused.failure);
      else waiter.resolve({ ...outcome, coalesced: answered.length });
    }
  }

  private fail(waiters: readonly Waiter[], error: unknown): void {
    this.waiting = this.waiting.filter((waiter) => !waiters.includes(waiter));
    for (const waiter of waiters) waiter.reject(error);
  }
}

function fenced(error: unknown): boolean {
  return isFailure(error) && (error.code === 'EDGE_FENCED' || error.code === 'CONFLICT');
}

/** The last look before nginx is told: a hold that ran out while the process was stopped is worth nothing. */
function mustHold(hold: Hold): void {
  if (hold.expiresAt.getTime() <= Date.now()) throw new Failure('EDGE_FENCED', 'the lease ran out in mid-cycle');
}
