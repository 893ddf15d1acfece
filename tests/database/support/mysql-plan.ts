import type { Rename } from '../../../domain/schema/change';
import { mysqlDdl } from '../../../domain/schema/mysql/ddl';
import type { PlannedChange } from '../../../domain/schema/plan';
import { planChange } from '../../../domain/schema/ways';
import type { MySqlEngine } from '../../../drivers/database/mysql/engine';
import { introspect } from '../../../drivers/database/mysql/introspect';
import { openSession, type Row, type Session } from '../../../drivers/database/mysql/session';
import type { Proof } from '../../../drivers/database/engine';

/** Numbered rows, which MariaDB has as tables `seq_1_to_<n>`, in the words of MySQL where that is tested. */
function portable(statement: string): string {
  if (!process.env.MYSQL_URL) return statement;
  return statement.replace(
    /(?<=\bfrom )seq_1_to_(\d+)/i,
    (own, last) =>
      `(with recursive numbered as (select 1 as seq union all select seq + 1 from numbered where seq < ${last}) ` +
      `select /*+ SET_VAR(cte_max_recursion_depth = 10000000) */ seq from numbered) as ${own}`,
  );
}

/** Runs statements in a schema. */
export async function run(url: string, ...statements: readonly string[]): Promise<void> {
  await using(url, async (session) => {
    for (const statement of statements)
      try {
        await session.execute(portable(statement));
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${statement}`, { cause: error });
      }
  });
}

/** The rows of a query. */
export async function rows(url: string, query: string): Promise<readonly Row[]> {
  return await using(url, async (session) => await session.query(query));
}

/** A change of what stands in `app` to what more statements make of it; both are made anew. */
export async function planned(
  server: string,
  id: string,
  before: readonly string[],
  after: readonly string[],
  renames: readonly Rename[] = [],
): Promise<PlannedChange> {
  for (const database of ['app', 'branch'])
    await run(server, `DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`);
  // Without rows: a change of the branch is a change of its form alone.
  await run(`${server}branch`, ...before.filter((statement) => !/^insert/i.test(statement)), ...after);
  await run(`${server}app`, ...before);
  const [from, to] = await Promise.all(
    ['app', 'branch'].map(async (database) => await using(`${server}${database}`, introspect)),
  );
  return planChange(id, { from: from!, to: to!, renames }, mysqlDdl, { instant: new Set(), instantWanted: false });
}

/** Does something while somebody follows the log. */
export async function followed<T>(engine: MySqlEngine, change: PlannedChange, action: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const following = engine.follow(change, { signal: stop.signal });
  try {
    return await Promise.race([following.then(() => Promise.reject(new Error('nobody follows'))), action()]);
  } finally {
    stop.abort();
    await following;
  }
}

/** Compares both sides once everything that was written is followed. */
export async function proven(engine: MySqlEngine, change: PlannedChange): Promise<Proof> {
  return await followed(engine, change, async () => await engine.prove(change, work()));
}

export function work(): { signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

export async function using<T>(url: string, action: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(url);
  try {
    return await action(session);
  } finally {
    session.destroy();
  }
}
