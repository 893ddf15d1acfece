import type { NewJournalEntry } from '../domain/journal';
import type { Store } from '../prisma/store';

/** The run's own records: states entered and decisions taken. */
export interface RecordActivities {
  /** Appends entries to the journal, all or none. A repeat of a lost answer appends them again, which the reader tolerates. */
  record(entries: NewJournalEntry[]): Promise<void>;
  /** The steps whose do has begun at least once, as the journal knows it. */
  begun(runId: string): Promise<string[]>;
}

/** More entries than a run has. */
const ALL = 10_000;

/** @param store where the journal is kept. */
export function recordActivities(store: Store): RecordActivities {
  return {
    async record(entries) {
      // In a workflow the clock stands still while local activities run: a state would seem older than its last step.
      const at = new Date().toISOString();
      await store.journal.append(...entries.map((entry) => (entry.type === 'run.state' ? { ...entry, at } : entry)));
    },

    async begun(runId) {
      const entries = await store.journal.after(0, { runId, limit: ALL });
      const dos = entries.filter((entry) => entry.type === 'attempt.started' && entry.phase === 'do');
      return [...new Set(dos.map((entry) => (entry as { step: string }).step))];
    },
  };
}
