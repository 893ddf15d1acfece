import { Client, DatabaseError, types, type CustomTypesConfig, type QueryResult } from 'pg';
import { Failure } from '../../../domain/failures';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import { KEEP_ALIVE_MS } from '../keep-alive';

/** A row as the server tells it: text, booleans, 32-bit numbers, JSON and arrays; everything else as its text. */
export type Row = Readonly<Record<string, unknown>>;

/** What one statement of a batch gave. */
export interface Result {
  readonly rows: readonly Row[];
  /** How many rows it touched or returned. */
  readonly count: number;
}

/** One session of a PostgreSQL server. */
export interface Session {
  /** The backend's process id. */
  readonly id: number;
  /** The schema that the session works in. */
  readonly schema: string;
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs what returns no rows, or several statements. @returns how many rows it touched. */
  execute(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Tells what the server says beside its answers. @returns what ends that. */
  onNotice(listener: (message: string) => void): () => void;
  /** Runs several statements in one message. @returns what each of them gave. */
  batch(statements: readonly string[]): Promise<readonly Result[]>;
  /** Ends it without waiting for anything. */
  destroy(): void;
}

/** What the server answered when it refused a statement. */
export class ServerError extends Error {
  constructor(
    /** As 23505; `08000` when the connection is gone. */
    readonly sqlState: string,
    message: string,
    readonly detail: string,
    /** Whether the session is gone. */
    readonly fatal: boolean,
  ) {
    super(message);
  }
}

/** What the server prints must not depend on who asks: the proof compares it, and models are equal by it. */
const settings: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  row_security: 'off',
  check_function_bodies: 'off',
};

const textual: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    [types.builtins.INT8, types.builtins.DATE, types.builtins.TIMESTAMP, types.builtins.TIMESTAMPTZ].includes(oid)
      ? (value: string) => value
      : types.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
};

/**
 * Opens a session that is in one schema: the names of other schemas' things are printed with their schema, those of its
 * own without, so that the same schema reads the same under another name.
 * @param url `postgresql://user:password@host:port/database`
 * @throws Failure DATABASE_UNREACHABLE
 */
export async function openSession(url: string, schema: string): Promise<Session> {
  const client = new Client({
    connectionString: url,
    ...{ connectionTimeoutMillis: 5_000, application_name: 'gatewright', types: textual },
    ...{ keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS },
  });
  // What happens to an idle session shows in its next statement.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ id: number }>('SELECT pg_backend_pid() AS id');
    const session = new PostgresSession(client, rows[0]!.id, schema);
    for (const [key, value] of Object.entries(settings)) await session.execute(`SET ${key} = ${literal(value)}`);
    await session.execute(`SET search_path = ${name(schema)}`);
    return session;
  } catch (error) {
    client.connection.stream.destroy();
    throw new Failure('DATABASE_UNREACHABLE', `the database cannot be reached: ${(error as Error).message}`);
  }
}

class PostgresSession implements Session {
  constructor(
    private readonly client: Client,
    readonly id: number,
    readonly schema: string,
  ) {}

  async query(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return await this.run(async () => (await this.client.query<Record<string, unknown>>(sql, [...values])).rows);
  }

  async execute(sql: string, values: readonly unknown[] = []): Promise<number> {
    return await this.run(async () => {
      const { rowCount } = await this.client.query(sql, values.length > 0 ? [...values] : undefined);
      return rowCount ?? 0;
    });
  }

  onNotice(listener: (message: string) => void): () => void {
    const heard = ({ message }: { readonly message?: string }): void => listener(message ?? '');
    this.client.on('notice', heard);
    return () => void this.client.off('notice', heard);
  }

  async batch(statements: readonly string[]): Promise<readonly Result[]> {
    return await this.run(async () => {
      const results: unknown = await this.client.query<Record<string, unknown>>(statements.join('; '));
      return ([results].flat() as QueryResult<Record<string, unknown>>[]).map(({ rows, rowCount }) => ({
        rows,
        count: rowCount ?? 0,
      }));
    });
  }

  destroy(): void {
    this.client.connection.stream.destroy();
  }

  private async run<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw serverError(error);
    }
  }
}

function serverError(error: unknown): ServerError {
  if (!(error instanceof DatabaseError)) return new ServerError('08000', (error as Error).message, '', true);
  const { code = 'XX000', message, detail = '', severity } = error;
  return new ServerError(code, message, detail, severity === 'FATAL' || severity === 'PANIC' || code.startsWith('57P'));
}
