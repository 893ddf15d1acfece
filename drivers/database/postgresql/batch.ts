import { text } from './rows';
import { isRefusal } from './engine-session';
import type { ServerError, Session } from './session';
import type { Route } from './shadows';
import {
  carriedNames,
  carriedValues,
  implied,
  keyAsTarget,
  keyColumns,
  keyParts,
  of,
  onBothKeys,
  onSourceKey,
  onTargetKey,
  ownParts,
} from './sql';
import { name } from '../../../domain/schema/postgresql/quote';
import { traceOrigins } from './origins';

/** What became of a batch. */
export interface Applied {
  readonly notes: number;
  readonly refused: number;
}

/**
 * Makes the temporary tables of a route, which every batch empties: the notes of a batch, its keys with
 * where their own values come from, and what the target's rows have of their own.
 */
export async function createBatchTables(session: Session, { flow, log, target, suffix }: Route): Promise<void> {
  const [now, before] = [keyParts(flow), keyParts(flow, 'o')];
  const held = keyColumns(flow, 'target', 't').map((column, i) => `${column} AS ${now[i]!}`);
  const own = flow.own.map((column, i) => `${of('t', column.name)} AS x${i + 1}`);
  const temporary = (table: string, query: string): string =>
    `CREATE TEMP TABLE IF NOT EXISTS ${table}${suffix} AS ${query} WITH NO DATA`;
  await session.execute(
    [
      temporary('gw_notes', `SELECT * FROM ${log}`),
      temporary('gw_keys', `SELECT 0 AS r, true AS carries, ${[...now, ...before].join(', ')} FROM ${log}`),
      temporary('gw_kept', `SELECT ${[...held, ...own].join(', ')} FROM ${target} t`),
    ].join('; '),
  );
  await session.execute(
    `CREATE INDEX IF NOT EXISTS gw_keys_at${suffix} ON gw_keys${suffix} (r); ` +
      `CREATE INDEX IF NOT EXISTS gw_kept_at${suffix} ON gw_kept${suffix} (${now.join(', ')})`,
  );
}

/**
 * Empties the temporary tables, with what was deleted from them before, which nothing vacuums: now and then, outside
 * transactions.
 */
export async function emptyBatchTables(session: Session, route: Route): Promise<void> {
  await session.execute(`TRUNCATE ${batchTables(route).join(', ')}`);
}

function batchTables({ suffix }: Route): string[] {
  return ['gw_notes', 'gw_keys', 'gw_kept'].map((table) => `${table}${suffix}`);
}

/**
 * Takes notes out of the log, the first so many or all, within a transaction of one snapshot.
 * @returns how many there were.
 */
export async function takeNotes(session: Session, route: Route, limit: number | null): Promise<number> {
  const { log, suffix, flow } = route;
  const take = (first: number | null): string =>
    `WITH taken AS (DELETE FROM ${log} ` +
    `${first === null ? '' : `WHERE n IN (SELECT n FROM ${log} ORDER BY n LIMIT ${first}) `}RETURNING *) ` +
    `INSERT INTO gw_notes${suffix} SELECT * FROM taken`;
  // ON COMMIT DELETE ROWS would empty the tables of all routes at every commit of any.
  const results = await session.batch([...batchTables(route).map((table) => `DELETE FROM ${table}`), take(limit)]);
  const taken = results.at(-1)!.count;
  if (limit === null || taken < limit || flow.own.length === 0) return taken;
  // Values that wander with their rows can only be followed where all that happened to them is seen at once.
  const [row] = await session.query(`SELECT EXISTS (SELECT FROM gw_notes${suffix} WHERE op = 'm') AS moves`);
  return row!.moves === true ? taken + (await session.execute(take(null))) : taken;
}

/** Adds the keys of a range of the live side to the batch, as if each were noted. @returns how many. */
export async function noteRange(session: Session, { flow, live, suffix }: Route, where: string): Promise<number> {
  return await session.execute(
    `INSERT INTO gw_notes${suffix} (op, ${keyParts(flow).join(', ')}) ` +
      `SELECT 'u', ${keyColumns(flow, 'source', 's').join(', ')} FROM ${live} s WHERE ${where}`,
  );
}

/**
 * Sets the target right for every key that is noted: in a transaction of one snapshot, or with the live side locked. All
 * of the batch's rows are taken out before any is put in, so that a unique value can pass from row to row. Rows that the
 * server refuses are put down by their keys, and the others go in.
 * @returns how many rows are refused now.
 */
export async function applyNotes(session: Session, route: Route): Promise<number> {
  const { flow, live, target, suffix } = route;
  const [flags] = await session.batch([
    `SELECT coalesce(bool_or(op = 't'), false) AS truncated, coalesce(bool_or(op = 'm'), false) AS moved ` +
      `FROM gw_notes${suffix}`,
    'SET CONSTRAINTS ALL IMMEDIATE',
  ]);
  const { truncated, moved } = flags!.rows[0]!;
  if (truncated === true)
    await session.execute(
      `DELETE FROM ${target} t WHERE NOT EXISTS (SELECT FROM ${live} s WHERE ${onBothKeys(flow, 's', 't')})`,
    );
  const traced = moved === true && flow.own.length > 0;
  const before = [...fewKeys, ...gatherKeys(route)];
  if (traced) {
    await session.batch(before);
    await traceOrigins(session, route);
  }
  const results = await session.batch([
    ...(traced ? [] : before),
    takeOut(route),
    `SELECT count(*)::int AS n FROM gw_keys${suffix}`,
  ]);
  const size = Number(results.at(-1)!.rows[0]!.n);
  return size === 0 ? 0 : await putIn(session, route, 1, size);
}

/** Few keys against large tables: one index probe for each, whatever the planner believes of tables it never saw. */
const fewKeys = ['hashjoin', 'mergejoin', 'seqscan'].map((each) => `SET LOCAL enable_${each} = off`);

/** Every key of the notes, both of a move, and of rows that were refused before. */
function gatherKeys({ flow, refused, suffix }: Route): string[] {
  const [now, before, own] = [keyParts(flow), keyParts(flow, 'o'), ownParts(flow)];
  const notes = `gw_notes${suffix}`;
  const kept = now.map((part, i) => keyAsTarget(flow.key[i]!, part));
  return [
    `INSERT INTO gw_keys${suffix} (r, carries, ${[...now, ...before].join(', ')}) ` +
      `SELECT row_number() OVER (), true, ${[...now, ...now].join(', ')} FROM (` +
      `SELECT ${now.join(', ')} FROM ${notes} WHERE op <> 't' UNION SELECT ${before.join(', ')} FROM ${notes} WHERE op = 'm' ` +
      `UNION SELECT ${now.join(', ')} FROM ${refused}) AS every`,
    `WITH again AS (DELETE FROM ${refused} RETURNING *) INSERT INTO gw_kept${suffix} (${[...now, ...own].join(', ')}) ` +
      `SELECT ${[...kept, ...own].join(', ')} FROM again WHERE kept`,
  ];
}

function takeOut({ flow, target, suffix }: Route): string {
  const from = `DELETE FROM ${target} t USING gw_keys${suffix} b WHERE ${onTargetKey(flow, 't', 'b')}`;
  if (flow.own.length === 0) return from;
  const own = flow.own.map((column) => of('t', column.name));
  return (
    `WITH gone AS (${from} RETURNING ${[...keyColumns(flow, 'target', 't'), ...own].join(', ')}) ` +
    `INSERT INTO gw_kept${suffix} SELECT * FROM gone`
  );
}

/** Puts rows in, halving what is refused until it is single rows. */
async function putIn(session: Session, route: Route, first: number, last: number): Promise<number> {
  try {
    await session.batch(['SAVEPOINT gw_put_in', ...insertRows(route, first, last), 'RELEASE SAVEPOINT gw_put_in']);
    return 0;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await session.execute('ROLLBACK TO SAVEPOINT gw_put_in; RELEASE SAVEPOINT gw_put_in');
    if (first === last) {
      await refuse(session, route, first, error);
      return 1;
    }
    const middle = (first + last) >> 1;
    return (await putIn(session, route, first, middle)) + (await putIn(session, route, middle + 1, last));
  }
}

function insertRows(route: Route, first: number, last: number): string[] {
  const { flow, live, target, suffix } = route;
  const [names, values, filled] = [carriedNames(flow), carriedValues(flow, 's'), implied(flow)];
  const rows = `FROM gw_keys${suffix} b JOIN ${live} s ON ${onSourceKey(flow, 's', 'b')}`;
  const range = `b.r BETWEEN ${first} AND ${last}`;
  const hasKept = `b.carries AND ${keptJoin(route)}`;
  const fresh =
    `INSERT INTO ${target} (${[...names, ...filled.map(({ column }) => name(column))].join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${[...values, ...filled.map(({ value }) => value)].join(', ')} ${rows} WHERE ${range}` +
    (flow.own.length === 0 ? '' : ` AND NOT EXISTS (SELECT FROM gw_kept${suffix} k WHERE ${hasKept})`);
  if (flow.own.length === 0) return [fresh];
  const own = flow.own.map((column) => name(column.name));
  const again =
    `INSERT INTO ${target} (${[...names, ...own].join(', ')}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${[...values, ...ownParts(flow).map((part) => `k.${part}`)].join(', ')} ${rows} ` +
    `JOIN gw_kept${suffix} k ON ${hasKept} WHERE ${range}`;
  return [fresh, again];
}

/** Where a key's own values are: under the key that its row had before. */
function keptJoin({ flow }: Route): string {
  const [held, before] = [keyParts(flow), keyParts(flow, 'o')];
  return flow.key.map((pair, i) => `k.${held[i]!} = ${keyAsTarget(pair, `b.${before[i]!}`)}`).join(' AND ');
}

async function refuse(session: Session, route: Route, row: number, { sqlState, message }: ServerError): Promise<void> {
  const { flow, live, refused, suffix } = route;
  const [now, own] = [keyParts(flow), ownParts(flow)];
  await session.execute(
    `INSERT INTO ${refused} (code, message, kept, ${[...now, ...own].join(', ')}) ` +
      `SELECT $1, $2, ${flow.own.length === 0 ? 'false' : 'k.k1 IS NOT NULL'}, ` +
      `${[...now.map((part) => `b.${part}`), ...own.map((part) => `k.${part}`)].join(', ')} FROM gw_keys${suffix} b ` +
      `JOIN ${live} s ON ${onSourceKey(flow, 's', 'b')} ` +
      (flow.own.length === 0 ? '' : `LEFT JOIN gw_kept${suffix} k ON b.carries AND ${keptJoin(route)} `) +
      `WHERE b.r = $3::int`,
    [sqlState, message.slice(0, 1_000), row],
  );
}

/** The rows that are refused now; at most 100, the first of them. */
export async function refusedRows(
  session: Session,
  { flow, refused }: Route,
): Promise<{ readonly key: Record<string, string>; readonly code: string; readonly message: string }[]> {
  const parts = keyParts(flow).map((part) => `${part}::text`);
  const rows = await session.query(
    `SELECT code, message, ARRAY[${parts.join(', ')}] AS key FROM ${refused} ORDER BY ${keyParts(flow).join(', ')} LIMIT 100`,
  );
  return rows.map((row) => ({
    key: Object.fromEntries(flow.key.map(({ source }, i) => [source.name, (row.key as string[])[i]!])),
    code: text(row.code),
    message: text(row.message),
  }));
}
