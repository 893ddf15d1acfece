import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { JournalEntry } from '../domain/journal';
import type { Journal } from '../prisma/store';

/** How many entries are read at once. */
const PAGE = 500;

/** Milliseconds after which somebody who waits looks for himself, whatever was seen here. */
const AT_LEAST_EVERY_MS = 1000;

type Listener = (entry: JournalEntry) => void;

/** One reader of the journal's end for the whole process: streams wait for it, waiting requests listen to it. */
export class JournalWatch {
  private readonly listeners = new Set<Listener>();
  private readonly waiting = new Set<() => void>();
  private readonly stop = new AbortController();
  private cursor: number | undefined;
  private loop: Promise<void> = Promise.resolve();

  constructor(
    private readonly journal: Journal,
    private readonly log: Logger,
    private readonly pollMs: number,
  ) {}

  /** Begins to read at the journal's present end; where the store is away, at the end it has when it comes back. */
  async start(): Promise<void> {
    await this.look();
    this.loop = this.run();
  }

  /**
   * Calls `listener` with every entry from now on.
   * @returns what ends that.
   */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Resolves when the journal has grown, at the latest after a second, or when `signal` is aborted. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, AT_LEAST_EVERY_MS);
      signal.addEventListener('abort', end);
      this.waiting.add(end);
    });
  }

  /** Stops reading and lets go of whoever waits. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.loop;
    this.wakeAll();
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      await sleep(this.pollMs, undefined, { signal: this.stop.signal }).catch(() => undefined);
      if (!this.stop.signal.aborted) await this.look();
    }
  }

  private async look(): Promise<void> {
    try {
      this.cursor ??= await this.journal.head();
      const entries = await this.journal.after(this.cursor, { limit: PAGE });
      if (entries.length === 0) return;
      this.cursor = entries.at(-1)!.seq;
      for (const entry of entries) for (const listener of this.listeners) listener(entry);
      this.wakeAll();
    } catch (error) {
      this.log.warn({ err: error }, 'could not read the end of the journal');
    }
  }

  private wakeAll(): void {
    for (const end of [...this.waiting]) end();
  }
}
