import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../../domain/address';
import { Failure } from '../../domain/failures';
import type { Edge } from './edge';
import type { EdgeBook } from './edge-book';
import { GenerationCycle, isFenced, type Outcome, type PublisherLog } from './generation-cycle';

/** What a caller of {@link Publisher.publish} learns. */
export type Published = Outcome & {
  /** How many callers this generation answered together, this one included. */
  readonly coalesced: number;
};

/** What a {@link Publisher} works with. */
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

/**
 * Publishes the desired routes to one edge: writes a generation, tests it, makes it live and proves it. Callers that
 * come while that is under way share the next generation, or this one where it already includes their change.
 *
 * Several publishers, in as many processes, may have the same edge: a hold in the book says whose turn it is, and the
 * others wait for what it makes live.
 */
export class Publisher {
  readonly edge: Edge;
  private readonly book: EdgeBook;
  private readonly cycle: GenerationCycle;
  private readonly log: PublisherLog;
  private readonly standByMs: number;
  private waiting: Waiter[] = [];
  private draining: Promise<void> | undefined;
  private releasing: Promise<void> = Promise.resolve();
  private last: Outcome | undefined;
  private closed = false;

  constructor(options: PublisherOptions) {
    this.edge = options.edge;
    this.book = options.book;
    this.log = options.log ?? (() => undefined);
    this.cycle = new GenerationCycle(options.edge, options.book, options.networks, this.log);
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
    const repeat = !this.busy && this.last !== undefined && this.last.revision >= revision;
    const already = repeat ? await this.alreadyLive(revision) : undefined;
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
    this.edge.close();
  }

  /** A repeat after a lost answer needs no reload, if nginx says that it is so. */
  private async alreadyLive(revision: number): Promise<Published | undefined> {
    const record = await this.book.record();
    if (record.liveRevision < revision || this.cycle.refused(revision)) return undefined;
    const presence = await this.edge.presence();
    if (presence.state !== 'up' || presence.generation !== record.liveGeneration) return undefined;
    if ((await this.edge.files.live()) !== record.liveGeneration) return undefined;
    return { state: 'live', generation: record.liveGeneration, revision: record.liveRevision, coalesced: 1 };
  }

  private join(revision: number, after: number): Promise<Published> {
    const { name } = this.edge;
    if (this.closed) return Promise.reject(new Failure('EDGE_UNREACHABLE', `the publisher of ${name} is closed`));
    return new Promise((resolve, reject) => {
      this.waiting.push({ revision, after, deadline: Date.now() + this.standByMs, resolve, reject });
      this.draining ??= this.drain();
    });
  }

  private async drain(): Promise<void> {
    await this.releasing;
    let waited = false;
    while (this.waiting.length > 0) {
      const batch = [...this.waiting];
      try {
        const mine = await this.cycle.acquire();
        // What another publisher did meanwhile may be all that is wanted.
        if (!mine || waited || batch.every(({ after }) => after >= 0)) await this.answerFromRecord();
        if (!mine) await this.standBy();
        else if (this.waiting.length > 0) this.settle((this.last = await this.cycle.make()), batch);
        waited = !mine;
      } catch (error) {
        waited = isFenced(error);
        if (waited) await this.yieldTo(error);
        else this.fail(batch, error);
      }
    }
    this.draining = undefined;
    // Not waited for: nobody's answer depends on it, and the next turn begins behind it.
    this.releasing = this.cycle.release();
  }

  /** Answers those whose change another publisher has proven live. */
  private async answerFromRecord(): Promise<void> {
    const { liveGeneration, liveRevision } = await this.book.record();
    if (!this.waiting.some(({ revision }) => revision <= liveRevision)) return;
    // Also to know which routes had to be left out.
    await this.cycle.follow();
    this.answer({ state: 'live', generation: liveGeneration, revision: liveRevision });
  }

  /** Another publisher has the edge: waits for what it makes live, or for the edge to be given back. */
  private async standBy(): Promise<void> {
    this.expire();
    if (this.waiting.length > 0) await sleep(15 + Math.random() * 20);
  }

  /** The edge was lost in mid-cycle: forget what was known, and wait for our turn. */
  private async yieldTo(error: unknown): Promise<void> {
    this.log('edge lost to another publisher', { edge: this.edge.name, error });
    this.cycle.forget();
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
      const refused = waiter.after < 0 ? this.cycle.refused(waiter.revision) : undefined;
      if (refused) waiter.reject(refused.failure);
      else waiter.resolve({ ...outcome, coalesced: answered.length });
    }
  }

  private fail(waiters: readonly Waiter[], error: unknown): void {
    this.waiting = this.waiting.filter((waiter) => !waiters.includes(waiter));
    for (const waiter of waiters) waiter.reject(error);
  }
}
