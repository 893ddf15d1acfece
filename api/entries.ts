import type { JournalEntry } from '../domain/journal';
import type { Store } from '../prisma/store';

const PAGE = 1000;

/** All entries of a run, in order. */
export async function entriesOf({ journal }: Store, runId: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (;;) {
    const page = await journal.after(entries.at(-1)?.seq ?? 0, { runId, limit: PAGE });
    entries.push(...page);
    if (page.length < PAGE) return entries;
  }
}
