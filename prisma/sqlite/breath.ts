import { setImmediate as immediate } from 'node:timers/promises';

/** Operations in a row after which the event loop gets its turn. */
const IN_A_ROW = 64;

/**
 * Lets the event loop turn now and then. SQLite answers without leaving the microtask queue, so a loop that only reads
 * would keep timers, sockets and every writer waiting for ever.
 */
export class Breath {
  private count = 0;

  /** Resolves at once, and every {@link IN_A_ROW}th time in one turn of the event loop after that turn. */
  async take(): Promise<void> {
    if (this.count === 0) setImmediate(() => (this.count = 0));
    if (++this.count > IN_A_ROW) await immediate();
  }
}
