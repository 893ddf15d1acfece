import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeBook } from './edge-book';
import type { PublisherLog } from './generation-cycle';
import type { Publisher } from './publisher';

/** What a look at an edge came to. */
export type Reconciled =
  | { readonly state: 'right' }
  /** Something was wrong, a new generation was published and is live. */
  | { readonly state: 'repaired'; readonly problem: string }
  /** No nginx runs; what it needs lies ready for it. */
  | { readonly state: 'down'; readonly problem: string }
  /** A publish is under way and will find out itself. */
  | { readonly state: 'busy' };

/** Longest pause between two looks at an edge that cannot be repaired, in milliseconds. */
const LONGEST_PAUSE = 30_000;

/**
 * Makes an edge right by itself: one that was down, was rebuilt, lost its files or was left between two generations by
 * a publisher that died carries the desired routes again without anybody asking.
 */
export class Reconciler {
  constructor(
    private readonly publisher: Publisher,
    private readonly book: EdgeBook,
    private readonly log: PublisherLog = () => undefined,
  ) {}

  /**
   * Looks at the edge once and publishes everything anew if anything is not as the book says.
   * @throws Failure EDGE_NOT_LIVE, EDGE_CONFIG_REFUSED or STORE_UNAVAILABLE when that does not help; the book says since when.
   */
  async reconcile(): Promise<Reconciled> {
    if (this.publisher.busy) return { state: 'busy' };
    const record = await this.book.record();
    const head = await this.book.head();
    const found = await this.problem(record.liveGeneration, record.liveRevision < head, head);
    const problem = found?.text ?? (record.behindSince ? 'it was behind' : undefined);
    if (problem === undefined) return { state: 'right' };
    if (this.publisher.busy) return { state: 'busy' };
    if (record.liveRevision >= head || found?.down) await this.book.markBehind(problem);
    if (found?.ready) return { state: 'down', problem };
    const published = await this.publisher.republish(head, record.liveGeneration);
    if (published.state === 'down') return { state: 'down', problem: published.reason };
    this.log('edge repaired', { edge: this.publisher.edge.name, problem, generation: published.generation });
    return { state: 'repaired', problem };
  }

  /** Reconciles every `intervalMs`, less often while that fails, until `signal` is aborted. Never throws. */
  async watch(intervalMs: number, signal: AbortSignal): Promise<void> {
    for (let pause = intervalMs; !signal.aborted;) {
      try {
        await this.reconcile();
        pause = intervalMs;
      } catch (error) {
        this.log('edge not repaired', { edge: this.publisher.edge.name, error });
        pause = Math.max(intervalMs, Math.min(pause * 2, LONGEST_PAUSE));
      }
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** What is wrong with the edge. `ready`: it is down, and its disk already holds all that it should come up with. */
  private async problem(
    liveGeneration: number,
    storeAhead: boolean,
    head: number,
  ): Promise<{ text: string; down?: boolean; ready?: boolean } | undefined> {
    const { edge, lastOutcome } = this.publisher;
    const presence = await edge.presence();
    const onDisk = await edge.files.live();
    const intact = await edge.files.intact();
    if (presence.state === 'down') {
      const waits = lastOutcome?.state === 'down' && lastOutcome.generation === onDisk && lastOutcome.revision >= head;
      return { text: presence.reason, down: true, ready: intact && waits };
    }
    if (!intact) return { text: 'its files are not there or not ours' };
    if (presence.state === 'unclear') return { text: presence.reason };
    if (presence.generation !== liveGeneration) {
      return { text: `it serves generation ${presence.generation} instead of ${liveGeneration}` };
    }
    if (onDisk !== liveGeneration) return { text: `generation ${onDisk} lies ready, ${liveGeneration} is live` };
    return storeAhead ? { text: 'routes changed and nobody has published them' } : undefined;
  }
}
