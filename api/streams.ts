import { Failure } from '../domain/failures';
import type { Limits } from './limits';

/** Counts the streams of events that are open. */
export class Streams {
  private readonly open = new Map<string, number>();
  private total = 0;

  constructor(private readonly limits: Pick<Limits, 'streams' | 'streamsPerToken'>) {}

  /**
   * Takes a place for a stream.
   * @returns what gives it back.
   * @throws Failure RATE_LIMITED when there are too many.
   */
  take(tokenId: string): () => void {
    const own = this.open.get(tokenId) ?? 0;
    if (this.total >= this.limits.streams || own >= this.limits.streamsPerToken)
      throw new Failure('RATE_LIMITED', 'Too many streams of events are open; close one first.');
    this.total += 1;
    this.open.set(tokenId, own + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.total -= 1;
      const left = this.open.get(tokenId)! - 1;
      if (left === 0) this.open.delete(tokenId);
      else this.open.set(tokenId, left);
    };
  }
}
