import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child';
import type { EngineTarget } from './engine-child';

/** Who writes, and how much. */
export interface WritersSpec {
  readonly target: EngineTarget;
  /** Rows that the table began with: 1 to this. */
  readonly rows: number;
  readonly count: number;
  /** Of all together. */
  readonly writesPerSecond: number;
}

/** What was written since somebody asked last. */
export interface Written {
  /** Milliseconds from when each write was due, or was begun where nothing held it up, to its answer. */
  readonly latencies: readonly number[];
  /** Writes that the server refused, as after a deadlock. */
  readonly refused: number;
  /** In which all that was written. */
  readonly seconds: number;
}

/** What became of everything that was written. */
export interface Audit {
  readonly checked: number;
  readonly wrongCount: number;
  /** The first ten, for people. */
  readonly wrong: readonly string[];
}

/** Eight sessions of users, in a process of their own, each of which knows what its rows must be. */
export class Writers {
  private since = performance.now();

  private constructor(private readonly child: Child) {}

  static async start(target: EngineTarget, rows: number, writesPerSecond = 2_000): Promise<Writers> {
    const writers = new Writers(Child.start('bench/schema/writers-process'));
    await writers.child.call('start', { target, rows, count: 8, writesPerSecond } satisfies WritersSpec);
    return writers;
  }

  /** What was written since the last time. */
  async take(): Promise<Written> {
    const taken = await this.child.call<Omit<Written, 'seconds'>>('take');
    const seconds = (performance.now() - this.since) / 1_000;
    this.since = performance.now();
    return { ...taken, seconds };
  }

  /** What is written during something and `afterMs` beyond. */
  async during<T>(action: () => Promise<T>, afterMs = 0): Promise<{ readonly result: T; readonly written: Written }> {
    await this.take();
    const result = await action();
    await sleep(afterMs);
    return { result, written: await this.take() };
  }

  /** Ends them, and compares what they know with what is there. */
  async audit(): Promise<Audit> {
    const audit = await this.child.call<Audit>('audit');
    this.child.stop();
    return audit;
  }
}
