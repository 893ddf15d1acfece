import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { Failure } from '../../../domain/failures';
import { KEEP_ALIVE_MS } from '../keep-alive';

/** A row as the server tells it: numbers beyond what a number holds, dates and decimals are text. */
export type Row = Readonly<Record<string, string | number | null>>;

/** One session of a MariaDB or MySQL server, in one database. */
export interface Session {
  /** The thread id by which the server's process list knows it. */
  readonly id: number;
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Runs what returns no rows. @returns how many rows it touched. */
  execute(sql: string, values?: readonly unknown[]): Promise<number>;
  /**
   * Runs a statement that is given up after some milliseconds, whatever it waits for or does. Locks alone could only be given
   * up after whole seconds.
   */
  executeWithin(ms: number, sql: string): Promise<number>;
  /** Ends it without waiting for anything. */
  destroy(): void;
}

/** What the server answered when it refused a statement. */
export class ServerError extends Error {
  constructor(
    /** The server's number of it, as 1062. */
    readonly errno: number,
    readonly sqlState: string,
    message: string,
    /** Whether the session is gone. */
    readonly fatal: boolean,
  ) {
    super(message);
  }
}

/**
 * Opens a session. Its time zone is UTC and its names and text are utf8mb4, so that the same schema always reads the same.
 * @param url `mysql://user:password@host:port/database`
 * @throws Failure DATABASE_UNREACHABLE
 */
export async function openSession(url: string): Promise<Session> {
  try {
    const connection = await createConnection({
      uri: url,
      ...{ dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, decimalNumbers: false },
      ...{ multipleStatements: false, charset: 'UTF8MB4_BIN', timezone: 'Z', connectTimeout: 5_000 },
      ...{ enableKeepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    });
    // What happens to an idle session shows in its next statement.
    connection.on('error', () => undefined);
    const session = new MySqlSession(connection, url);
    await session.begin();
    return session;
  } catch (error) {
    throw new Failure('DATABASE_UNREACHABLE', `the database cannot be reached: ${(error as Error).message}`);
  }
}

class MySqlSession implements Session {
  /** Whoever waits for an answer of a session that was destroyed would wait for ever. */
  private readonly destroyed: Promise<never>;
  private end: (error: Error) => void = () => undefined;

  /** Whether the server ends a statement of any kind by itself after a time, as MariaDB does. */
  private endsByItself = true;

  constructor(
    private readonly connection: Connection,
    private readonly url: string,
  ) {
    this.destroyed = new Promise((_, reject) => (this.end = reject));
    this.destroyed.catch(() => undefined);
  }

  /** Sets it up. */
  async begin(): Promise<void> {
    await this.execute("SET time_zone = '+00:00'");
    const [row] = await this.query('SELECT version() AS version');
    this.endsByItself = String(row!.version).includes('MariaDB');
    // What is known of tables is what is known now, and not what was a day ago.
    if (!this.endsByItself) await this.execute('SET information_schema_stats_expiry = 0');
  }

  get id(): number {
    return this.connection.threadId!;
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return await this.run(async () => {
      const [rows] = await this.connection.query<RowDataPacket[]>(sql, [...values]);
      return rows as unknown as readonly Row[];
    });
  }

  async execute(sql: string, values: readonly unknown[] = []): Promise<number> {
    return await this.run(async () => {
      const [result] = await this.connection.query(sql, [...values]);
      return (result as { affectedRows?: number }).affectedRows ?? 0;
    });
  }

  async executeWithin(ms: number, sql: string): Promise<number> {
    return this.endsByItself ? await this.within(ms, sql) : await this.killedAfter(ms, sql);
  }

  private async within(ms: number, sql: string): Promise<number> {
    await this.execute(`SET max_statement_time = ${ms / 1000}`);
    try {
      return await this.execute(sql);
    } finally {
      await this.execute('SET max_statement_time = 0').catch(() => undefined);
    }
  }

  /** MySQL forgets a KILL QUERY that finds nothing to end; the next statement waits until that is certain. */
  private async killedAfter(ms: number, sql: string): Promise<number> {
    const killer = await openSession(this.url);
    let killing: Promise<unknown> = Promise.resolve();
    const kill = (): void => void (killing = killer.execute(`KILL QUERY ${this.id}`).catch(() => undefined));
    const late = setTimeout(kill, ms);
    try {
      return await this.execute(sql);
    } finally {
      clearTimeout(late);
      await killing;
      killer.destroy();
    }
  }

  destroy(): void {
    this.connection.destroy();
    this.end(new Error('the session was ended'));
  }

  private async run<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([action(), this.destroyed]);
    } catch (error) {
      throw serverError(error);
    }
  }
}

function serverError(error: unknown): ServerError {
  const { errno, sqlState, message, fatal, sqlMessage } = error as {
    errno?: number;
    sqlState?: string;
    message: string;
    sqlMessage?: string;
    fatal?: boolean;
  };
  const known = typeof errno === 'number' && errno > 0 && typeof sqlState === 'string';
  return new ServerError(
    known ? errno : 0,
    known ? sqlState : '08S01',
    sqlMessage ?? message,
    fatal === true || !known,
  );
}
