import { Failure } from '../domain/failures';
import type { JournalEntry, NewJournalEntry } from '../domain/journal';
import { SagaState, type FailureView } from '../domain/saga';
import type { Database } from './database';
import type { RunModel } from './generated/sqlite/models';
import { GatheredEntries } from './gathered-entries';
import { entriesAfter, settledHead } from './journal-entries';
import { Orphans } from './orphans';
import type { Journal, JournalFilter, Run, RunFilter } from './store';
import { table } from './table';

/** {@link Journal} in the database. */
export class StoredJournal implements Journal {
  private readonly orphans: Orphans;
  private readonly gathered: GatheredEntries;

  constructor(private readonly database: Database) {
    this.orphans = new Orphans(database);
    this.gathered = new GatheredEntries(database);
  }

  async append(...entries: NewJournalEntry[]): Promise<number> {
    if (entries.length === 0) return 0;
    return await this.gathered.append(entries);
  }

  note(entry: NewJournalEntry): void {
    this.gathered.note(entry);
  }

  async settled(): Promise<void> {
    await this.gathered.settled();
  }

  async after(seq: number, filter: JournalFilter): Promise<JournalEntry[]> {
    return await entriesAfter(this.database, seq, filter);
  }

  async head(): Promise<number> {
    return await settledHead(this.database);
  }

  async closeOrphans(alive: readonly string[]): Promise<number> {
    return await this.orphans.close(alive);
  }

  async run(id: string): Promise<Run | null> {
    const row = await this.database.direct((statements) =>
      table<RunModel>(statements, 'run').findFirst({ where: { id } }),
    );
    return row && runOf(row);
  }

  async runs(filter: RunFilter): Promise<{ runs: Run[]; cursor?: string }> {
    const { organizationId, kind, state, needsAttention, limit } = filter;
    const from = filter.cursor === undefined ? undefined : position(filter.cursor);
    const rows = await this.database.run((client) =>
      client.run.findMany({
        where: {
          ...(organizationId !== undefined && { organizationId }),
          ...(kind !== undefined && { kind }),
          ...(state !== undefined && { state }),
          ...(needsAttention !== undefined && { attentionSince: needsAttention ? { not: null } : null }),
          ...(from && {
            OR: [{ startedAt: { lt: from.startedAt } }, { startedAt: from.startedAt, id: { lt: from.id } }],
          }),
        },
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        take: limit + 1,
      }),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return { runs: page.map(runOf), ...(rows.length > limit && last && { cursor: cursorOf(last) }) };
  }

  async attention(filter: { organizationId?: string; limit: number }): Promise<Run[]> {
    const { organizationId, limit } = filter;
    const rows = await this.database.run((client) =>
      client.run.findMany({
        where: { state: SagaState.needsAttention, ...(organizationId !== undefined && { organizationId }) },
        orderBy: [{ attentionSince: 'asc' }, { id: 'asc' }],
        take: limit,
      }),
    );
    return rows.map(runOf);
  }

  async counts(): Promise<{ kind: string; state: SagaState; count: number }[]> {
    const groups = await this.database.run((client) => client.run.groupBy({ by: ['kind', 'state'], _count: true }));
    return groups.map(({ kind, state, _count: count }) => ({ kind, state: state as SagaState, count }));
  }
}

function cursorOf({ startedAt, id }: RunModel): string {
  return Buffer.from(`${startedAt.getTime()}/${id}`).toString('base64url');
}

/** @throws Failure INVALID_INPUT for a cursor that no page gave out. */
function position(cursor: string): { startedAt: Date; id: string } {
  const match = /^(\d{1,15})\/(.+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match) throw new Failure('INVALID_INPUT', 'this is not a cursor of a page of runs');
  return { startedAt: new Date(Number(match[1])), id: match[2]! };
}

function runOf(row: RunModel): Run {
  return {
    id: row.id,
    kind: row.kind,
    organizationId: row.organizationId,
    state: row.state as SagaState,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    attentionSince: row.attentionSince,
    severity: row.severity as Run['severity'],
    error: row.error === null ? null : (JSON.parse(row.error) as FailureView),
    resourceVersion: row.resourceVersion,
  };
}
