import type { JournalEntry, NewJournalEntry } from '../domain/journal';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';
import type { JournalFilter } from './store';

/**
 * Seconds for which a missing number below a newer entry is taken for one that another process is still committing.
 * After that its transaction was rolled back, and the number stays unused.
 */
const GAP_SECONDS = 2;

/** How many runs one reading names: a statement takes no more parameters than some ten thousand. */
const MOST_RUNS = 10_000;

interface StoredEntry {
  readonly seq: bigint;
  readonly entry: string;
}

/** Writes entries in one statement and returns their numbers, in order. */
export async function insertEntries(statements: Statements, entries: readonly NewJournalEntry[]): Promise<number[]> {
  const rows = entries.map((entry) => {
    const attempt = entry.type === 'attempt.started' || entry.type === 'attempt.ended' ? entry : undefined;
    const key = attempt && `${attempt.activityId}/${attempt.attempt}/${attempt.worker}`;
    return Prisma.sql`(${entry.runId}, ${entry.organizationId}, ${entry.type}, ${key ?? null}, ${attempt?.worker ?? null}, ${JSON.stringify(entry)})`;
  });
  const stored = await statements.rows<{ seq: bigint }>(Prisma.sql`
    INSERT INTO journal_entry (run_id, organization_id, type, attempt_key, worker, entry) VALUES ${Prisma.join(rows)} RETURNING seq`);
  return stored.map(({ seq }) => Number(seq)).sort((a, b) => a - b);
}

/**
 * A condition on `seq` that holds below the first number that may still be filled. SQLite has one writer at a time, so
 * its numbers are in commit order; PostgreSQL hands them out before the commit.
 */
function settled(database: Database, after: number): Prisma.Sql {
  if (!database.isPostgres) return Prisma.sql`TRUE`;
  return Prisma.sql`seq < (
    SELECT COALESCE(MIN(recent.seq), 9223372036854775807) FROM journal_entry recent
    WHERE recent.stored_at > (clock_timestamp() AT TIME ZONE 'UTC') - make_interval(secs => ${GAP_SECONDS})
    AND recent.seq > ${after} + 1
    AND NOT EXISTS (SELECT 1 FROM journal_entry below WHERE below.seq = recent.seq - 1)
  )`;
}

/** The entries after `seq` up to the first number that may still be filled, in order. */
export async function entriesAfter(database: Database, seq: number, filter: JournalFilter): Promise<JournalEntry[]> {
  if (filter.runIds?.length === 0) return [];
  const run = filter.runId === undefined ? Prisma.empty : Prisma.sql`AND run_id = ${filter.runId}`;
  const runs =
    filter.runIds === undefined
      ? Prisma.empty
      : Prisma.sql`AND run_id IN (${Prisma.join(filter.runIds.slice(0, MOST_RUNS))})`;
  const organization =
    filter.organizationId === undefined ? Prisma.empty : Prisma.sql`AND organization_id = ${filter.organizationId}`;
  const rows = await database.direct((statements) =>
    statements.rows<StoredEntry>(Prisma.sql`
      SELECT seq, entry FROM journal_entry WHERE seq > ${seq} AND ${settled(database, seq)} ${run} ${runs} ${organization}
      ORDER BY seq LIMIT ${filter.limit}`),
  );
  return rows.map(entryOf);
}

/** The highest number below which none is missing that may still be filled. */
export async function settledHead(database: Database): Promise<number> {
  const [row] = await database.direct((statements) =>
    statements.rows<{ head: bigint | null }>(
      Prisma.sql`SELECT MAX(seq) AS head FROM journal_entry WHERE ${settled(database, 0)}`,
    ),
  );
  return Number(row?.head ?? 0);
}

/** The attempts after `seq` that were started and have no end, in order. */
export async function openAttempts(
  statements: Statements,
  seq: number,
): Promise<(JournalEntry & { type: 'attempt.started' })[]> {
  const rows = await statements.rows<StoredEntry>(Prisma.sql`
    SELECT seq, entry FROM journal_entry started WHERE started.seq > ${seq} AND started.type = 'attempt.started'
    AND NOT EXISTS (
      SELECT 1 FROM journal_entry ended WHERE ended.run_id = started.run_id AND ended.seq > started.seq
      AND ended.type = 'attempt.ended' AND ended.attempt_key = started.attempt_key
    )
    ORDER BY seq`);
  return rows.map((row) => entryOf(row) as JournalEntry & { type: 'attempt.started' });
}

function entryOf({ seq, entry }: StoredEntry): JournalEntry {
  return { ...(JSON.parse(entry) as NewJournalEntry), seq: Number(seq) };
}
