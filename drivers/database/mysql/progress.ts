import { name } from '../../../domain/schema/mysql/quote';
import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import { CopyMeter } from '../../../domain/schema/progress';
import type { ChangeState, FailedRow, Progress, TableProgress, Work } from '../engine';
import { shadowsOf } from './helpers';
import { exists, phaseOf } from './phase';
import { text } from './rows';
import type { Session } from './session';
import { keyParts } from './sql';
import { commentOf } from './state';

/** Milliseconds between two reports. */
const REPORT_EVERY_MS = 500;

/** Tells how far a change is, now and then. */
export class Reporter {
  private last = -Infinity;

  constructor(
    private readonly session: Session,
    private readonly change: PlannedChange,
    private readonly throttledBy: () => string | null,
    private readonly meters: ReadonlyMap<string, CopyMeter> = new Map(),
  ) {}

  async report({ onProgress }: Work, phase: ChangePhase): Promise<void> {
    if (!onProgress || performance.now() - this.last < REPORT_EVERY_MS) return;
    onProgress(await progressOf(this.session, this.change, phase, this.meters, this.throttledBy()));
    this.last = performance.now();
  }
}

/**
 * How far a change is.
 * @param meters of those who copy, by table.
 * @param throttledBy why whoever asks is slowed.
 */
async function progressOf(
  session: Session,
  change: PlannedChange,
  phase: ChangePhase,
  meters: ReadonlyMap<string, CopyMeter> = new Map(),
  throttledBy: string | null = null,
): Promise<Progress> {
  const tables: TableProgress[] = [];
  for (const { names, forward } of shadowsOf(change)) {
    if (!(await exists(session, names.cursor))) continue;
    const [rows] = await session.query(
      'SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
      [names.table],
    );
    const [log] = await session.query(`SELECT COUNT(*) AS n FROM ${name(names.log)}`);
    const [cursor] = await session.query(`SELECT copied AS n FROM ${name(names.cursor)} WHERE id = 1`);
    const copied = Number(cursor?.n ?? 0);
    const total = Math.max(Number(rows?.n ?? 0), copied);
    const meter = meters.get(names.table) ?? new CopyMeter();
    meter.note({ atMs: performance.now(), rowsCopied: copied });
    tables.push({
      table: names.table,
      ...meter.progress(total, phase !== 'preparing' && phase !== 'copying'),
      rowsCopied: copied,
      rowsTotal: total,
      logLength: Number(log!.n),
      throttledBy,
      failed: await failedRows(session, names.failed, keyParts(forward)),
    });
  }
  await session.execute('COMMIT');
  return { phase, tables };
}

/** Where a change stands, by its id alone; null when this schema knows nothing of it. */
export async function stateOf(session: Session, changeId: string): Promise<ChangeState | null> {
  const tables = await session.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database() AND table_comment = ?',
    [commentOf({ id: changeId })],
  );
  for (const { name: table } of tables) {
    if (!text(table).endsWith('_s')) continue;
    const [row] = await session.query(`SELECT epoch, specification FROM ${name(text(table))} WHERE id = 1`);
    if (!row) continue;
    const change = JSON.parse(text(row.specification)) as PlannedChange;
    const phase = await phaseOf(session, change);
    return { id: changeId, epoch: Number(row.epoch), ...(await progressOf(session, change, phase)) };
  }
  return null;
}

/** The first of the rows that did not fit. */
export async function failedRows(session: Session, table: string, keys: readonly string[]): Promise<FailedRow[]> {
  const rows = await session.query(
    `SELECT errno, message, ${keys.map((key) => `CAST(${key} AS CHAR) AS ${key}`).join(', ')} FROM ${name(table)} ORDER BY id LIMIT 100`,
  );
  return rows.map((row) => ({
    key: Object.fromEntries(keys.map((key) => [key, text(row[key])])),
    code: text(row.errno),
    message: text(row.message),
  }));
}
