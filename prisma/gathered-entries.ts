import { setImmediate as nextTurn } from 'node:timers/promises';
import { isFailure } from '../domain/failures';
import type { NewJournalEntry } from '../domain/journal';
import type { Database } from './database';
import { insertEntries } from './journal-entries';
import { fold, type Known } from './run-fold';

/** How many entries one statement takes: each has six parameters, and SQLite has room for 32,766 of them. */
const LIMIT = 200;

/** How many runs a process remembers to have opened. */
const REMEMBERED = 10_000;

/** Milliseconds that noted entries wait at most for others to go with: the next step of a run begins sooner. */
const LINGER_MS = 8;

/** Milliseconds until noted entries are tried again of themselves where the store was away. */
const AGAIN_MS = 1_000;

interface Waiting {
  readonly entries: readonly NewJournalEntry[];
  /** Whether somebody waits for it; else it stays in its place until it is written. */
  readonly told?: { readonly resolve: (seq: number) => void; readonly reject: (error: unknown) => void };
}

/**
 * Writes entries in the order in which they come, those that come together, or while others are being written, in one
 * transaction: under load several attempts start and end at the same moment, and a write costs more than a row.
 */
export class GatheredEntries {
  /** The runs whose rows this process has seen committed, latest last. */
  private readonly known = new Map<string, Known>();
  private waiting: Waiting[] = [];
  /** What was noted and could not be written. */
  private kept: Waiting[] = [];
  private draining: Promise<void> | undefined;
  private lingering: NodeJS.Timeout | undefined;

  constructor(private readonly database: Database) {}

  /** Writes entries, all or none, and returns the number of the last. @throws as {@link Database.run} */
  append(entries: readonly NewJournalEntry[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ entries, told: { resolve, reject } });
      this.begin();
    });
  }

  /** Writes an entry before all that come after it, as soon as there is one, or {@link LINGER_MS} later. */
  note(entry: NewJournalEntry): void {
    this.waiting.push({ entries: [entry] });
    this.beginIn(LINGER_MS);
  }

  /** Resolves when what has come so far is written, or could not be. */
  async settled(): Promise<void> {
    if (this.waiting.length + this.kept.length > 0) this.begin();
    await this.draining;
    clearTimeout(this.lingering);
  }

  private beginIn(ms: number): void {
    this.lingering ??= setTimeout(() => this.begin(), ms);
  }

  private begin(): void {
    this.waiting.unshift(...this.kept.splice(0));
    clearTimeout(this.lingering);
    this.lingering = undefined;
    this.draining ??= this.drain();
  }

  private async drain(): Promise<void> {
    try {
      await nextTurn();
      while (this.waiting.length > 0) {
        const batch = this.take();
        await this.write(batch).catch((error: unknown) => this.failed(batch, error));
      }
    } finally {
      this.draining = undefined; // at once: whoever comes after the last look has to begin anew
    }
  }

  private async failed(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (isFailure(error) && error.code === 'STORE_UNAVAILABLE') return this.keep(batch, error);
    // Otherwise it is one entry's fault, and each finds out alone.
    const alone = (one: Waiting): Promise<void> => (batch.length > 1 ? this.write([one]) : Promise.reject(error));
    for (const one of batch) await alone(one).catch((fault: unknown) => one.told?.reject(fault));
  }

  /** The store is away: whoever waits is told, and what was noted stays in its place. */
  private keep(batch: readonly Waiting[], error: unknown): void {
    const all = [...batch, ...this.waiting];
    this.waiting = [];
    this.kept = all.filter((one) => one.told === undefined);
    for (const { told } of all) told?.reject(error);
    if (this.kept.length > 0) this.beginIn(AGAIN_MS);
  }

  private take(): Waiting[] {
    const batch = this.waiting.splice(0, 1);
    let size = batch[0]!.entries.length;
    while (this.waiting[0] && size + this.waiting[0].entries.length <= LIMIT) {
      size += this.waiting[0].entries.length;
      batch.push(this.waiting.shift()!);
    }
    return batch;
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    const entries = batch.flatMap((one) => one.entries);
    const { statements, known } = fold(entries, this.known);
    const numbers =
      statements.length === 0
        ? await this.database.direct((on) => insertEntries(on, entries))
        : await this.database.together(async (on) => {
            for (const statement of statements) await on.change(statement);
            return await insertEntries(on, entries);
          });
    for (const [runId, state] of known) this.remember(runId, state);
    let end = 0;
    for (const { entries: own, told } of batch) told?.resolve(numbers[(end += own.length) - 1]!);
  }

  private remember(runId: string, state: Known): void {
    this.known.delete(runId);
    this.known.set(runId, state);
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
  }
}
