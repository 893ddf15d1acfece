import { createRequire } from 'node:module';
import type { Client, ResultSet, Transaction } from '@libsql/client';

/** What is used of the binding `libsql`, on which @libsql/client stands. It is synchronous. */
interface Binding {
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
  exec(script: string): void;
  close(): void;
}
interface Statement {
  columns(): readonly { readonly name: string; readonly type: string | null }[];
  /** Rows as arrays. */
  raw(on: boolean): void;
  /** Integers as bigint. */
  safeIntegers(on: boolean): void;
  all(values: readonly unknown[]): unknown[][];
  run(values: readonly unknown[]): { readonly changes: number };
}

// A dependency of the client's, not of ours: the same copy.
const Binding = createRequire(require.resolve('@libsql/client'))('libsql') as new (
  file: string,
  options: { readonly timeout: number },
) => Binding;

/** Statements that a connection keeps prepared; those that come often are few dozens. */
const KEPT = 256;

/** The parts of libsql's client that Prisma's adapter uses; values come as the adapter has mapped them. */
interface Query {
  readonly sql: string;
  readonly args: readonly unknown[];
}

interface Prepared {
  readonly statement: Statement;
  /** Undefined for a statement that returns no rows. */
  columns: { readonly names: string[]; readonly types: string[] } | undefined;
}

/**
 * One connection to an SQLite file that keeps its statements prepared: preparing and describing one costs more CPU than
 * most of them take to run (110 µs through @libsql/client for a row by its key, 10 µs of which are SQLite's).
 */
export class SqliteConnection {
  readonly protocol = 'file';
  private database: Binding;
  private readonly prepared = new Map<string, Prepared>();

  /** @param timeout milliseconds that SQLite itself waits for a lock. */
  constructor(
    private readonly file: string,
    private readonly timeout: number,
  ) {
    this.database = this.open();
  }

  /** As libsql's client, for Prisma's adapter. */
  asClient(): Client {
    return this as unknown as Client;
  }

  get closed(): boolean {
    return !this.database.open;
  }
  async execute({ sql, args }: Query): Promise<ResultSet> {
    return this.run(sql, args);
  }
  async executeMultiple(script: string): Promise<void> {
    this.database.exec(script);
  }

  /** Begins a transaction that holds the write lock from its start. */
  async transaction(): Promise<Transaction> {
    this.run('BEGIN IMMEDIATE');
    const end = (how: 'COMMIT' | 'ROLLBACK'): void => {
      if (this.database.inTransaction) this.run(how);
      else if (how === 'COMMIT') throw over();
    };
    const transaction = {
      execute: async (query: Query) => {
        // SQLite has taken the whole transaction back: a statement of it must not take effect alone.
        if (!this.database.inTransaction) throw over();
        return await this.execute(query);
      },
      commit: async () => end('COMMIT'),
      rollback: async () => end('ROLLBACK'),
    };
    return transaction as unknown as Transaction;
  }

  /** Opens the file anew; what was prepared belongs to the connection before. */
  reconnect(): void {
    this.close();
    this.database = this.open();
  }

  close(): void {
    this.prepared.clear();
    if (this.database.open) this.database.close();
  }

  private open(): Binding {
    return new Binding(this.file, { timeout: this.timeout });
  }

  private run(sql: string, args: readonly unknown[] = []): ResultSet {
    const prepared = this.prepare(sql);
    const { statement } = prepared;
    const values = args.map(bound);
    if (!prepared.columns) return { ...nothing, rowsAffected: statement.run(values).changes };
    const rows = statement.all(values);
    // A migration has changed what `*` stands for.
    if (rows[0] && rows[0].length !== prepared.columns.names.length) prepared.columns = described(statement)!;
    for (const row of rows) row.forEach((value, i) => typeof value === 'bigint' && (row[i] = safe(value)));
    const { names, types } = prepared.columns;
    return { ...nothing, columns: names, columnTypes: types, rows: rows as unknown as ResultSet['rows'] };
  }

  private prepare(sql: string): Prepared {
    const known = this.prepared.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    statement.safeIntegers(true);
    const prepared = { statement, columns: described(statement) };
    if (prepared.columns) statement.raw(true);
    if (this.prepared.size >= KEPT) this.prepared.delete(this.prepared.keys().next().value!);
    this.prepared.set(sql, prepared);
    return prepared;
  }
}

const nothing = {
  columns: [],
  columnTypes: [],
  rows: [],
  rowsAffected: 0,
  lastInsertRowid: undefined,
  toJSON: () => ({}),
};

function described(statement: Statement): Prepared['columns'] {
  const columns = statement.columns();
  if (columns.length === 0) return undefined;
  return { names: columns.map(({ name }) => name), types: columns.map(({ type }) => type ?? '') };
}

function bound(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${value} cannot be stored`);
  return value;
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is more than a number can hold`);
  return number;
}

/** As libsql's client says it, in the form that Prisma's adapter takes for the driver's. */
function over(): Error {
  return Object.assign(new Error('The transaction is closed'), { code: 'TRANSACTION_CLOSED' });
}
