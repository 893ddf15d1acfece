import type { Blocker } from '../engine';
import { nullable, text } from './rows';
import type { Row, Session } from './session';

/** Who holds locks on relations that a swap has to lock, and what transactions that were prepared and left. */
export async function holders(
  session: Session,
  relations: readonly string[],
  own: readonly number[],
): Promise<Blocker[]> {
  const rows = await session.query(
    `SELECT DISTINCT ON (l.pid, x.gid) l.pid::text, x.gid, coalesce(a.usename, x.owner, '') AS user,
       coalesce(left(a.query, 1000), '') AS query, l.relation::regclass::text || ' (' || l.mode || ')' AS holds,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared, clock_timestamp()))::float8 AS age
     FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     LEFT JOIN pg_locks m ON l.pid IS NULL AND m.pid IS NULL AND m.locktype = 'transactionid'
       AND m.virtualtransaction = l.virtualtransaction
     LEFT JOIN pg_prepared_xacts x ON x.transaction = m.transactionid
     WHERE l.locktype = 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.relation IN (SELECT to_regclass(u) FROM unnest($1::text[]) u) AND (l.pid IS NULL OR l.pid <> ALL ($2::int[]))
       AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
     ORDER BY l.pid, x.gid, l.mode`,
    [relations, own],
  );
  return rows.map((row) => blocker(row, `a lock on ${text(row.holds)}`));
}

/**
 * Transactions whose snapshot is older than the new tables' rows: they would see them empty. @param copiedAt as the server
 * prints it.
 */
export async function oldSnapshots(session: Session, copiedAt: string, own: readonly number[]): Promise<Blocker[]> {
  const rows = await session.query(
    `SELECT a.pid::text, NULL AS gid, coalesce(a.usename, '') AS user, left(a.query, 1000) AS query,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age
     FROM pg_stat_activity a WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL
       AND a.backend_type = 'client backend' AND a.xact_start < $1::timestamptz AND a.pid <> ALL ($2::int[])`,
    [copiedAt, own],
  );
  return rows.map((row) => blocker(row, 'a snapshot from before the rows were copied'));
}

function blocker(row: Row, holds: string): Blocker {
  const prepared = nullable(row.gid);
  return {
    session: prepared ?? text(row.pid),
    user: text(row.user),
    query: prepared === null ? text(row.query) : `a transaction that was prepared as ${prepared}`,
    ageSeconds: Math.round(Number(row.age) * 10) / 10,
    holds,
  };
}

/** Ends sessions, and rolls back what was prepared and left. */
export async function end(session: Session, blockers: readonly Blocker[]): Promise<void> {
  for (const { session: id } of blockers)
    if (/^\d+$/.test(id)) await session.query('SELECT pg_terminate_backend($1::int)', [id]);
    else await session.execute(`ROLLBACK PREPARED '${id.replaceAll("'", "''")}'`);
}

/** `42 (shop, 3.1 s, a lock on orders): SELECT ...` */
export function describe({ session, user, ageSeconds, holds, query }: Blocker): string {
  return `${session} (${user}, ${ageSeconds} s, ${holds}): ${query.slice(0, 100)}`;
}
