import type { NewJournalEntry } from '../domain/journal';
import { SagaState, isTerminal } from '../domain/saga';
import { Prisma } from './generated/sqlite/client';

/** How far the row of a run is known to have come, so that an entry which changes nothing costs no statement. */
export const Known = { open: 1, notRunning: 2 } as const;
export type Known = (typeof Known)[keyof typeof Known];

const TERMINAL = Object.values(SagaState).filter(isTerminal);

/** What entries do to the rows of their runs, and what is known of these once it is committed. */
export interface Fold {
  readonly statements: readonly Prisma.Sql[];
  readonly known: ReadonlyMap<string, Known>;
}

/**
 * Folds entries into the rows of their runs: the first entry opens one as `running`, a started undo makes it
 * `rolling_back`, `run.state` sets the state. A terminal state is never left.
 * @param before what is known already; a run that is not in it may or may not have a row.
 */
export function fold(entries: readonly NewJournalEntry[], before: ReadonlyMap<string, Known>): Fold {
  const known = new Map<string, Known>();
  const statements: Prisma.Sql[] = [];
  for (const entry of entries) {
    const { runId } = entry;
    const present = known.get(runId) ?? before.get(runId);
    if (present === undefined) {
      statements.push(open(entry));
      known.set(runId, Known.open);
    }
    if (entry.type === 'run.state' && entry.state !== SagaState.running) {
      statements.push(enter(entry));
      known.set(runId, Known.notRunning);
    } else if (entry.type === 'attempt.started' && entry.phase === 'undo' && present !== Known.notRunning) {
      statements.push(rollBack(runId));
      known.set(runId, Known.notRunning);
    }
  }
  return { statements, known };
}

function open({ runId, kind, organizationId, at }: NewJournalEntry): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO run (id, kind, organization_id, state, started_at, resource_version)
    VALUES (${runId}, ${kind}, ${organizationId}, ${SagaState.running}, ${new Date(at)}, 1)
    ON CONFLICT (id) DO NOTHING`;
}

function rollBack(runId: string): Prisma.Sql {
  return Prisma.sql`
    UPDATE run SET state = ${SagaState.rollingBack}, resource_version = resource_version + 1
    WHERE id = ${runId} AND state = ${SagaState.running}`;
}

function enter(entry: NewJournalEntry & { type: 'run.state' }): Prisma.Sql {
  const { state, runId, error } = entry;
  const at = new Date(entry.at);
  const attention = state === SagaState.needsAttention;
  const severity = attention ? (entry.severity ?? 'warning') : null;
  // The first time is kept for as long as the run needs attention.
  const since = attention ? Prisma.sql`COALESCE(attention_since, ${at})` : Prisma.sql`NULL`;
  const end = isTerminal(state) ? Prisma.sql`, ended_at = ${at}` : Prisma.empty;
  const failure = error ? Prisma.sql`, error = ${JSON.stringify(error)}` : Prisma.empty;
  return Prisma.sql`
    UPDATE run SET state = ${state}, attention_since = ${since}, severity = ${severity}${end}${failure},
      resource_version = resource_version + 1
    WHERE id = ${runId} AND state NOT IN (${Prisma.join(TERMINAL)})`;
}
