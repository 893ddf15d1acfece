import type { NewJournalEntry } from '../domain/journal';
import { Counter, raise, valueOf } from './counters';
import type { Database } from './database';
import { insertEntries, openAttempts, settledHead } from './journal-entries';

/** Entries between two writes of the watermark; the next search then begins there. */
const STRIDE = 500;

/** Ends attempts whose worker has died. */
export class Orphans {
  /** No attempt up to here is open. */
  private closed = 0;

  constructor(private readonly database: Database) {}

  /** @see Journal.closeOrphans */
  async close(alive: readonly string[]): Promise<number> {
    const { database } = this;
    const kept = await database.direct((statements) => valueOf(statements, Counter.attemptsClosed));
    this.closed = Math.max(this.closed, kept);
    const head = await settledHead(database);
    const open = await database.direct((statements) => openAttempts(statements, this.closed));
    const isOrphan = ({ worker }: { worker: string }): boolean => !alive.includes(worker);
    const count = open.some(isOrphan) ? await this.end(isOrphan) : 0;
    this.closed = Math.max(
      this.closed,
      Math.min(head, ...open.filter((each) => !isOrphan(each)).map(({ seq }) => seq - 1)),
    );
    if (this.closed - kept >= STRIDE) await this.keep(this.closed);
    return count;
  }

  private async end(isOrphan: (attempt: { worker: string }) => boolean): Promise<number> {
    return await this.database.together(async (statements) => {
      // One process at a time; what another ended meanwhile is not open any more.
      await raise(statements, Counter.attemptsClosed, 0);
      const orphans = (await openAttempts(statements, this.closed)).filter(isOrphan);
      const at = new Date().toISOString();
      const ends = orphans.map(({ seq: _, ...started }): NewJournalEntry => ({
        ...started,
        type: 'attempt.ended',
        at,
        outcome: 'unknown',
      }));
      if (ends.length > 0) await insertEntries(statements, ends);
      return ends.length;
    });
  }

  private async keep(closed: number): Promise<void> {
    await this.database.together(async (statements) => {
      const present = await raise(statements, Counter.attemptsClosed, 0);
      if (closed > present) await raise(statements, Counter.attemptsClosed, closed - present);
    });
  }
}
