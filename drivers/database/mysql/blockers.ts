import type { Blocker } from '../engine';
import { text } from './rows';
import type { Row, Session } from './session';

/** Seconds from which a transaction counts as one that holds something up. */
const LONG = 1;

/**
 * The sessions that hold what a swap of tables would wait for. Where the plugin `metadata_lock_info` is installed it names
 * them; without it, long transactions of sessions that are in this schema are suspected. Needs PROCESS to see other accounts' sessions.
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
  try {
    const rows = await session.query(
      `SELECT thread_id AS id, GROUP_CONCAT(DISTINCT CONCAT(lock_mode, ' on ', table_name) SEPARATOR ', ') AS locks
       FROM information_schema.metadata_lock_info WHERE table_schema = database()
         AND table_name IN (${tables.map(() => '?').join(', ')}) AND thread_id <> CONNECTION_ID() GROUP BY thread_id`,
      tables,
    );
    return new Map(rows.map((row) => [text(row.id), text(row.locks)]));
  } catch {
    return new Map();
  }
}

function blocker(row: Row, holds: string): Blocker {
  return {
    session: text(row.id),
    user: text(row.user),
    query: text(row.query) || `(${text(row.command).toLowerCase()} for ${text(row.idle)} s)`,
    ageSeconds: Number(row.age ?? row.idle ?? 0),
    holds,
  };
}
