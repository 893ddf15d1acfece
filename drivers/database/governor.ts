import { KeepingUp } from '../../domain/schema/keeping-up';
import { restAfter } from '../../domain/schema/pace';
import { Throttle, type ServerLoad, type Throttled } from '../../domain/schema/throttle';
import type { Work } from './engine';
import { LoadWatch, type Ending, type LoadProbe } from './load-watch';
import { pause } from './pause';

/** Keeps a piece of work within what was asked for and what the server bears. */
export class Governor {
  private readonly throttle: Throttle;
  private readonly keepingUp: KeepingUp;
  private behind: unknown = null;

  private constructor(
    changeId: string,
    private readonly work: Work,
  ) {
    this.throttle = new Throttle(work.limits);
    const { logLength, behindSeconds } = this.throttle.limits;
    this.keepingUp = new KeepingUp(changeId, { logLength, patienceMs: behindSeconds * 1000 });
  }

  private note(load: ServerLoad, atMs: number): void {
    this.throttle.note(load, atMs);
    try {
      this.keepingUp.note(load.logLength, atMs);
    } catch (error) {
      this.behind = error;
    }
  }

  /** Watches the server for as long as something takes. */
  static async during<S extends Ending, T>(
    changeId: string,
    work: Work,
    probe: LoadProbe<S>,
    action: (governor: Governor) => Promise<T>,
  ): Promise<T> {
    const governor = new Governor(changeId, work);
    const watch = new LoadWatch(probe, (load, atMs) => governor.note(load, atMs));
    watch.start();
    try {
      return await action(governor);
    } finally {
      await watch.stop();
    }
  }

  /** How rows are slowed that are copied or compared. */
  get copying(): Throttled {
    return this.throttle.copying(this.asked);
  }

  /** How those are slowed who follow the log. */
  get following(): Throttled {
    return this.throttle.following(this.asked);
  }

  /** @throws Failure CHANGE_BEHIND when the log is too long for too long. */
  check(): void {
    if (this.behind !== null) throw this.behind as Error;
  }

  /**
   * Rests after work that took so long, and follows the log meanwhile.
   * @param follow takes a batch of the log; returns whether there may be more.
   */
  async restFollowing(workedMs: number, follow: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + restAfter(workedMs, this.copying.ratio);
    while (performance.now() < until && !this.work.signal.aborted) {
      this.check();
      const began = performance.now();
      const restMs = (await follow()) ? restAfter(performance.now() - began, this.following.ratio) : FOLLOW_EVERY_MS;
      await pause(Math.min(restMs, Math.max(until - performance.now(), 0)), this.work.signal);
    }
  }

  /** Rests as those do who copy. */
  async restCopying(workedMs: number): Promise<void> {
    await this.rest(workedMs, this.copying);
  }

  /** Rests as those do who follow the log. */
  async restFollower(workedMs: number): Promise<void> {
    await this.rest(workedMs, this.following);
  }

  private async rest(workedMs: number, { ratio }: Throttled): Promise<void> {
    const ms = restAfter(workedMs, ratio);
    if (ms > 1) await pause(ms, this.work.signal);
  }

  private get asked(): number {
    return this.work.throttle?.() ?? 0;
  }
}

/** Milliseconds after which a rest looks at the log. */
const FOLLOW_EVERY_MS = 50;
