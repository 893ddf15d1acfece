import { Dialect } from '../../../domain/schema/model';
import type { Blocker } from '../engine';
import { dialectOf } from './introspect';
import { text } from './rows';
import type { Row, Session } from './session';

/** Seconds from which a transaction counts as one that holds something up. */
const LONG = 1;

/**
 * The sessions that hold what a swap of tables would wait for. Where MariaDB has the plugin `metadata_lock_info`, or MySQL its
 * performance schema, it names them; without it, long transactions of sessions that are in this schema are suspected. Needs PROCESS to see other accounts' sessions.
 */
export async function blockersOf(session: Session, tables: readonly string[]): Promise<readonly Blocker[]> {
  const held = await holders(session, tables);
  const rows = await session.query(
    `SELECT p.id AS id, p.user AS user, LEFT(COALESCE(p.info, ''), 1000) AS query, p.command AS command,
       TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) AS age, p.time AS idle
     FROM information_schema.processlist p LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
     WHERE p.id <> CONNECTION_ID() AND COALESCE(p.db, database()) = database() AND (t.trx_id IS NOT NULL OR p.id IN (${held.size > 0 ? [...held.keys()].join(', ') : '0'}))
     ORDER BY t.trx_started`,
  );
  return rows
    .filter((row) => (held.size > 0 ? held.has(text(row.id)) : Number(row.age) >= LONG))
    .map((row) => blocker(row, held.get(text(row.id)) ?? 'a transaction that has been open for long'));
}

/** Ends sessions. Needs CONNECTION ADMIN for those of other accounts. */
export async function endSessions(session: Session, blockers: readonly Blocker[]): Promise<void> {
  for (const { session: id } of blockers) await session.execute(`KILL CONNECTION ${id}`).catch(() => undefined);
}

async function holders(session: Session, tables: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const mysql = (await dialectOf(session)) === Dialect.mysql;
  try {
    const rows = await session.query(
      `SELECT thread AS id, GROUP_CONCAT(DISTINCT CONCAT(mode, ' on ', own) SEPARATOR ', ') AS locks
       FROM (${mysql ? locksOfMySql : locksOfMariaDb}) AS held WHERE place = database()
         AND own IN (${tables.map(() => '?').join(', ')}) AND thread <> CONNECTION_ID() GROUP BY thread`,
      tables,
    );
    return new Map(rows.map((row) => [text(row.id), text(row.locks)]));
  } catch {
    return new Map();
  }
}

const locksOfMariaDb =
  'SELECT thread_id AS thread, lock_mode AS mode, table_schema AS place, table_name AS own FROM information_schema.metadata_lock_info';

const locksOfMySql = `SELECT t.processlist_id AS thread, m.lock_type AS mode, m.object_schema AS place, m.object_name AS own
  FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id
  WHERE m.object_type = 'TABLE' AND m.lock_status = 'GRANTED'`;

function blocker(row: Row, holds: string): Blocker {
  return {
    session: text(row.id),
    user: text(row.user),
    query: text(row.query) || `(${text(row.command).toLowerCase()} for ${text(row.idle)} s)`,
    ageSeconds: Number(row.age ?? row.idle ?? 0),
    holds,
  };
}
