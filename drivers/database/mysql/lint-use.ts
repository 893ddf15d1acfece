import { bytesToCopy, type LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import type { PlannedChange } from '../../../domain/schema/plan';
import { nullable, text } from './rows';
import type { Row, Session } from './session';

/** Days within which a write counts as recent. */
const RECENT_DAYS = 7;

/** Who may still need what is dropped: what the server remembers since it was started, which may be nothing. */
export async function lintUse(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  for (const { name: table } of change.operations.filter(({ object, kind }) => object === 'table' && kind === 'DROP')) {
    const uses = [...(await written(session, table)), ...(await counted(session, table))];
    if (uses.length > 0)
      messages.push({
        ...{ code: 'RECENTLY_USED' as const, table, column: null, subject: null, rows: null },
        message: `table ${table} ${uses.join(', and ')}`,
      });
  }
  return messages;
}

async function written(session: Session, table: string): Promise<string[]> {
  const [row] = await session.query(
    `SELECT update_time AS at FROM information_schema.tables WHERE table_schema = database() AND table_name = ?
       AND update_time > NOW() - INTERVAL ${RECENT_DAYS} DAY`,
    [table],
  );
  return row === undefined ? [] : [`was last written to at ${text(row.at)} UTC`];
}

/** Needs performance_schema or userstat to be on. */
async function counted(session: Session, table: string): Promise<string[]> {
  const sources = [
    `SELECT count_read AS reads_, count_write AS writes_ FROM performance_schema.table_io_waits_summary_by_table
     WHERE object_schema = database() AND object_name = ?`,
    'SELECT rows_read AS reads_, rows_changed AS writes_ FROM information_schema.table_statistics WHERE table_schema = database() AND table_name = ?',
  ];
  for (const source of sources) {
    const [row] = await asked(session, source, [table]);
    const [reads, writes] = [Number(row?.reads_ ?? 0), Number(row?.writes_ ?? 0)];
    if (reads + writes > 0) return [`had ${reads} rows read and ${writes} written since the server counts`];
  }
  return [];
}

/** Whether the disk holds another copy of everything that is copied. */
export async function lintDisk(session: Session, change: PlannedChange, policy: LintPolicy): Promise<LintMessage[]> {
  const free = policy.freeDiskBytes ?? (await freeBytes(session));
  if (free === null) return [];
  const tables = change.operations.filter(({ shadow }) => shadow !== null).map((operation) => operation.name);
  if (tables.length === 0) return [];
  const [row] = await session.query(
    `SELECT COALESCE(SUM(data_length + index_length), 0) AS bytes FROM information_schema.tables
     WHERE table_schema = database() AND table_name IN (${tables.map(() => '?').join(', ')})`,
    tables,
  );
  const needed = bytesToCopy(Number(row!.bytes));
  if (needed <= free) return [];
  return [
    {
      ...{ code: 'NOT_ENOUGH_DISK', table: null, column: null, subject: null, rows: null },
      message: `copying ${tables.join(', ')} takes up to ${needed} bytes, and ${free} are free`,
    },
  ];
}

/** Needs the plugin `disks`, and FILE. */
async function freeBytes(session: Session): Promise<number | null> {
  const [row] = await asked(
    session,
    `SELECT available * 1024 AS bytes FROM information_schema.disks
     WHERE @@global.datadir LIKE CONCAT(path, '%') ORDER BY LENGTH(path) DESC LIMIT 1`,
    [],
  );
  const bytes = nullable(row?.bytes);
  return bytes === null ? null : Number(bytes);
}

/** What a server may not have, or not tell this account. */
async function asked(session: Session, query: string, values: readonly unknown[]): Promise<readonly Row[]> {
  return await session.query(query, values).catch(() => []);
}
