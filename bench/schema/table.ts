import { createConnection, type Connection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { Client, DatabaseError } from 'pg';
import type { EngineTarget } from './engine-child';

/** What the server refused and did not do: a deadlock, a wait for a lock that was too long. */
export class Refused extends Error {}

/** The table of the bench, as users see it: they know `id`, `k`, `v`, `n`, `amount`, `filler` and `at`. */
export interface Table {
  insert(id: number, value: string): Promise<void>;
  /** @returns how many rows it hit; so do the others. */
  update(id: number, value: string): Promise<number>;
  delete(id: number): Promise<number>;
  move(id: number, to: number): Promise<number>;
  contents(): Promise<Contents>;
  close(): void;
}

/** All that is in the table. */
export interface Contents {
  /** Values that writers wrote, by id. */
  readonly written: ReadonlyMap<number, string>;
  readonly count: number;
  /** Rows that are as they were in the beginning, and how many of these are not. */
  readonly untouched: number;
  readonly spoilt: number;
}

const insert =
  "insert into t (id, k, v, n, amount, filler, at) values (?, ?, ?, 1, 1.5, 'written', '2026-01-01 00:00:00')";
const counts =
  "select count(*) as total, sum(case when v = 'init' then 1 else 0 end) as untouched, " +
  "sum(case when v = 'init' and (n <> id or k <> id % 9973 or amount <> id % 1000 or length(filler) <> 64) then 1 else 0 end) as spoilt from t";
const contentsOf = "select id, v from t where v <> 'init' or v is null";

export async function openTable(target: EngineTarget): Promise<Table> {
  return target.kind === 'mysql' ? await openMySql(target.url) : await openPostgres(target.url, target.schema);
}

async function openMySql(url: string): Promise<Table> {
  const connection = await createConnection({ uri: url });
  const run = async (sql: string, values: readonly unknown[]): Promise<number> => {
    try {
      const [{ affectedRows }] = await connection.query<ResultSetHeader>(sql, [...values]);
      return affectedRows;
    } catch (error) {
      // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
      const { errno } = error as { errno?: number };
      throw errno === 1205 || errno === 1213 ? new Refused() : error;
    }
  };
  return {
    ...writes(run),
    contents: async () => await mySqlContents(connection),
    close: () => connection.destroy(),
  };
}

async function mySqlContents(connection: Connection): Promise<Contents> {
  const [rows] = await connection.query<RowDataPacket[]>(contentsOf);
  const [[numbers]] = await connection.query<RowDataPacket[]>(counts);
  return contents(rows, numbers!);
}

async function openPostgres(url: string, schema: string): Promise<Table> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`set search_path = ${schema}`);
  const run = async (sql: string, values: readonly unknown[]): Promise<number> => {
    let n = 0;
    const text = sql.replaceAll('?', () => `$${++n}`);
    try {
      return (await client.query({ name: sql.slice(0, 20), text, values: [...values] })).rowCount ?? 0;
    } catch (error) {
      // deadlock_detected, lock_not_available
      throw error instanceof DatabaseError && ['40P01', '55P03'].includes(error.code!) ? new Refused() : error;
    }
  };
  return {
    ...writes(run),
    contents: async () => {
      const { rows } = await client.query<{ id: string; v: string }>(contentsOf);
      return contents(rows, (await client.query<Record<string, string>>(counts)).rows[0]!);
    },
    close: () => void client.end().catch(() => undefined),
  };
}

function writes(run: (sql: string, values: readonly unknown[]) => Promise<number>) {
  return {
    insert: async (id: number, value: string) => void (await run(insert, [id, id % 9973, value])),
    update: async (id: number, value: string) => await run('update t set v = ? where id = ?', [value, id]),
    delete: async (id: number) => await run('delete from t where id = ?', [id]),
    move: async (id: number, to: number) => await run('update t set id = ? where id = ?', [to, id]),
  };
}

function contents(
  rows: readonly Readonly<Record<string, unknown>>[],
  { total, untouched, spoilt }: Readonly<Record<string, unknown>>,
): Contents {
  const written = new Map(rows.map(({ id, v }) => [Number(id), String(v)]));
  return { written, count: Number(total), untouched: Number(untouched), spoilt: Number(spoilt) };
}
