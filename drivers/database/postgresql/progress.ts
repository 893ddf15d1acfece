import { CopyMeter } from '../../../domain/schema/progress';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { ChangeState, Progress, TableProgress, Work } from '../engine';
import { refusedRows } from './batch';
import { text } from './rows';
import type { Session } from './session';
import { directionIn, routeOf, shadowsOf, type ShadowTables } from './shadows';
import { readState, shadowTable, stateTable } from './state';

/** Milliseconds between two reports, and between two looks at the log while rows are copied. */
const EVERY_MS = 200;

interface Measured {
  readonly copied: boolean;
  readonly rows: number;
  readonly total: number;
}

/** Tells how far a change is, now and then. */
export class Meter {
  private last = 0;
  private readonly meters: readonly CopyMeter[];

  constructor(
    private readonly session: Session,
    private readonly change: PlannedChange,
    private readonly shadows: readonly ShadowTables[],
    private readonly throttledBy: () => string | null,
  ) {
    this.meters = shadows.map(() => new CopyMeter());
  }

  /** Whether it is time for another report. */
  isDue(): boolean {
    return performance.now() - this.last >= EVERY_MS;
  }

  async report({ onProgress }: Work, phase: ChangePhase, now = false): Promise<void> {
    if (!now && !this.isDue()) return;
    this.last = performance.now();
    if (onProgress === undefined) return;
    const tables: TableProgress[] = [];
    for (const [i, shadow] of this.shadows.entries()) {
      const measured = await measure(this.session, this.change.id, shadow);
      this.meters[i]!.note({ atMs: this.last, rowsCopied: measured.rows });
      tables.push(await tableProgress(this.session, shadow, phase, measured, this.meters[i]!, this.throttledBy()));
    }
    onProgress({ phase, tables });
  }
}

/** Where a change stands, read without holding anything. */
export async function progressOf(session: Session, changeId: string): Promise<ChangeState | null> {
  const state = await readState(session, changeId);
  if (state === null) return null;
  const { phase, epoch } = state;
  const [row] = await session.query(`SELECT specification FROM ${stateTable(changeId)} WHERE id = 1`);
  const change = JSON.parse(text(row!.specification)) as PlannedChange;
  const tables: TableProgress[] = [];
  if (phase !== 'preparing' && phase !== 'finishing' && phase !== 'cancelling')
    for (const shadow of shadowsOf(change, state.schema)) {
      const measured = await measure(session, changeId, shadow);
      tables.push(await tableProgress(session, shadow, phase, measured, new CopyMeter(), null, measured.rows));
    }
  return { id: changeId, epoch, phase, tables } satisfies ChangeState & Progress;
}

async function measure(session: Session, changeId: string, { n, forward }: ShadowTables): Promise<Measured> {
  const [row] = await session.query(
    `SELECT copied, rows_copied, (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)) AS total
     FROM ${shadowTable(changeId)} WHERE n = ${n}`,
    [forward.live],
  );
  return { copied: row!.copied === true, rows: Number(row!.rows_copied), total: Number(row!.total) };
}

async function tableProgress(
  session: Session,
  shadow: ShadowTables,
  phase: ChangePhase,
  { copied, rows, total }: Measured,
  meter: CopyMeter,
  throttledBy: string | null,
  note?: number,
): Promise<TableProgress> {
  if (note !== undefined) meter.note({ atMs: 0, rowsCopied: note });
  const route = routeOf(shadow, directionIn(phase));
  const [log] = await session.query(`SELECT count(*)::int AS n FROM ${route.log}`);
  return {
    ...{ table: shadow.table, rowsCopied: rows, rowsTotal: Math.max(total, rows), throttledBy },
    ...meter.progress(Math.max(total, rows), copied),
    logLength: Number(log!.n),
    failed: await refusedRows(session, route),
  };
}
