import { OperationKind } from '../../../domain/schema/change';
import { bytesToCopy, type LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import { Way, type PlannedChange } from '../../../domain/schema/plan';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import { nullable, text } from './rows';
import type { Session } from './session';
import { claimOf } from './state';

/** Days within which a table that was read or written is in use. */
const RECENT_DAYS = 7;

/** What only the server knows: its disk, who uses what, and who else changes what. */
export async function lintServer(session: Session, change: PlannedChange, policy: LintPolicy): Promise<LintMessage[]> {
  const messages = [...(await lintStandby(session)), ...(await lintDisk(session, change, policy))];
  for (const { object, kind, name: table } of change.operations) {
    if (object !== 'table') continue;
    const other = await claimOf(session, table, change.id);
    if (other !== null)
      messages.push(message('CHANGE_IN_PROGRESS', table, other, `change ${other} has the table ${table}`));
    if (kind === OperationKind.drop) messages.push(...(await lintUse(session, table)));
  }
  return messages;
}

async function lintStandby(session: Session): Promise<LintMessage[]> {
  const [row] = await session.query('SELECT pg_is_in_recovery() AS standby');
  return row!.standby === true
    ? [message('SERVER_SETTING', null, 'standby', 'the server is a standby, on which nothing can be changed')]
    : [];
}

/** The server tells its free disk to no account; the owner of the database may. */
async function lintDisk(
  session: Session,
  { operations }: PlannedChange,
  { freeDiskBytes }: LintPolicy,
): Promise<LintMessage[]> {
  const tables = operations.filter(({ way }) => way === Way.shadow).map((operation) => name(operation.name));
  if (freeDiskBytes === undefined || tables.length === 0) return [];
  const [row] = await session.query(
    'SELECT coalesce(sum(pg_total_relation_size(to_regclass(t))), 0)::text AS bytes FROM unnest($1::text[]) t',
    [tables],
  );
  const needed = bytesToCopy(Number(row!.bytes));
  if (needed <= freeDiskBytes) return [];
  return [
    message(
      'NOT_ENOUGH_DISK',
      null,
      null,
      `the new tables take up to ${inMegabytes(needed)} beside the old ones, and ${inMegabytes(freeDiskBytes)} are free`,
    ),
  ];
}

function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}

/**
 * Before version 16 the server counts, but does not say when: then everything since its counters began is recent. Rows
 * are counted, and not scans: making an index is one.
 */
async function lintUse(session: Session, table: string): Promise<LintMessage[]> {
  const [row] = await session.query(
    `WITH u AS (SELECT to_jsonb(s) AS s FROM pg_stat_user_tables s WHERE relid = to_regclass($1)),
       t AS (SELECT greatest((s->>'last_seq_scan')::timestamptz, (s->>'last_idx_scan')::timestamptz) AS read_at,
         s ? 'last_seq_scan' AS told, (s->>'seq_tup_read')::bigint + coalesce((s->>'idx_tup_fetch')::bigint, 0) AS reads,
         (s->>'n_tup_ins')::bigint + (s->>'n_tup_upd')::bigint + (s->>'n_tup_del')::bigint AS writes FROM u)
     SELECT reads::text, writes::text, read_at::text, coalesce(d.stats_reset, pg_postmaster_start_time())::text AS since,
       CASE WHEN told THEN coalesce(read_at > now() - interval ${literal(`${RECENT_DAYS} days`)}, false)
         ELSE reads + writes > 0 END AS recent
     FROM t, pg_stat_database d WHERE d.datname = current_database()`,
    [name(table)],
  );
  if (row?.recent !== true) return [];
  const when = nullable(row.read_at);
  const use =
    when === null
      ? `used: ${text(row.reads)} rows read and ${text(row.writes)} rows written since ${text(row.since)}`
      : `read last at ${when}`;
  return [message('RECENTLY_USED', table, null, `table ${table}, which is dropped, was ${use}`)];
}

function message(
  code: LintMessage['code'],
  table: string | null,
  subject: string | null,
  sentence: string,
): LintMessage {
  return { code, table, column: null, subject, message: sentence, rows: null };
}
