import { isFailure } from '../domain/failures';
import type { NewJournalEntry } from '../domain/journal';
import type { Database } from './database';
import { insertEntries } from './journal-entries';

/** How many entries one statement takes: each has six parameters, and SQLite has room for 32,766 of them. */
const LIMIT = 200;

interface Waiting {
  readonly entries: readonly NewJournalEntry[];
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes entries, those that come while others are being written together in the next statement: under load several
 * attempts start and end at the same moment, and a statement costs more than a row.
 */
export class GatheredEntries {
  private waiting: Waiting[] = [];
  private writing = false;

  constructor(private readonly database: Database) {}

  /** Writes entries, all or none, and returns the number of the last. @throws as {@link Database.run} */
  append(entries: readonly NewJournalEntry[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ entries, resolve, reject });
      if (!this.writing) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.writing = true;
    while (this.waiting.length > 0) {
      const batch = this.take();
      try {
        await this.write(batch);
      } catch (error) {
        const away = isFailure(error) && error.code === 'STORE_UNAVAILABLE';
        // Otherwise it is one entry's fault, and each finds out alone.
        if (batch.length > 1 && !away) for (const one of batch) await this.write([one]).catch(one.reject);
        else for (const one of batch) one.reject(error);
      }
    }
    this.writing = false;
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
    const numbers = await this.database.direct((statements) => insertEntries(statements, entries));
    let end = 0;
    for (const one of batch) one.resolve(numbers[(end += one.entries.length) - 1]!);
  }
}
