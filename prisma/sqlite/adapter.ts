import type { Client, Config } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import type {
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
  Transaction,
} from '@prisma/driver-adapter-utils';
import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileOf } from '../url';
import { Breath } from './breath';
import { SqliteConnection } from './client';
import { Turns } from './turns';

/** Milliseconds that SQLite itself waits for a lock. It waits without yielding, so only as long as nobody notices. */
const BLOCKING_WAIT_MS = 10;

/** Milliseconds after which a lock that another process holds is given up, and the caller told that the store is busy. */
const PATIENCE_MS = 10_000;

const WRITES = /^\s*(insert|update|delete|replace)\b/i;

/**
 * Prisma's libsql adapter, made fit for a file that several processes write:
 *
 * - one connection writes and one reads, so that readers never wait (WAL);
 * - all writers of this process queue in memory, and only those of other processes are met at the file;
 * - transactions begin as IMMEDIATE, because one that starts by reading fails at once when another process writes;
 * - a busy file is waited for without blocking the event loop, up to {@link PATIENCE_MS};
 * - every connection has WAL, `synchronous=NORMAL` (a commit survives the process, not always the machine's power).
 */
export class SharedSqlite implements SqlDriverAdapterFactory {
  readonly provider = 'sqlite';
  readonly adapterName = 'gatewright-shared-sqlite';

  /** @param url `file:` URL of the database. */
  constructor(private readonly url: string) {}

  async connect(): Promise<SqlDriverAdapter> {
    const config = { url: this.url };
    const writer = await new OwnClient(config).connect();
    const reader = await new OwnClient(config).connect();
    return new SharedSqliteAdapter(writer, reader, Turns.of(realpathSync(fileOf(this.url))));
  }
}

/** Hands Prisma's adapter a client whose transactions are IMMEDIATE and which survives a busy file. */
class OwnClient extends PrismaLibSql {
  override createClient(config: Config): Client {
    const client = new SqliteConnection(fileOf(config.url), BLOCKING_WAIT_MS).asClient();
    const transaction = client.transaction.bind(client);
    const execute = client.execute.bind(client) as (statement: unknown) => ReturnType<Client['execute']>;
    client.transaction = () => afresh(client, () => transaction('write'));
    client.execute = (statement: unknown) => afresh(client, () => execute(statement));
    return client;
  }

  override async connect(): Promise<SqlDriverAdapter> {
    const adapter = await super.connect();
    // Changing the journal mode needs the file for itself, once in its life; afterwards this is a read.
    await patiently(() => adapter.executeScript(`PRAGMA journal_mode = WAL; ${NORMAL}`));
    return adapter;
  }
}

const NORMAL = 'PRAGMA synchronous = NORMAL';

/**
 * After SQLITE_BUSY the statement stays half-way through its first step until it is collected as garbage, and until
 * then no transaction of its connection can be committed ("SQL statements in progress"). So the connection is replaced.
 */
async function afresh<T>(client: Client, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) throw error;
    client.reconnect();
    await client.executeMultiple(NORMAL);
    throw error;
  }
}

class SharedSqliteAdapter implements SqlDriverAdapter {
  readonly provider = 'sqlite';
  readonly adapterName = 'gatewright-shared-sqlite';

  private readonly breath = new Breath();

  constructor(
    private readonly writer: SqlDriverAdapter,
    private readonly reader: SqlDriverAdapter,
    private readonly turns: Turns,
  ) {}

  async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    await this.breath.take();
    if (!WRITES.test(query.sql)) return await patiently(() => this.reader.queryRaw(query));
    return await this.write(() => this.writer.queryRaw(query));
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    return await this.write(() => this.writer.executeRaw(query));
  }

  async executeScript(script: string): Promise<void> {
    await this.write(() => this.writer.executeScript(script));
  }

  async startTransaction(): Promise<Transaction> {
    const done = await this.turns.next();
    try {
      const transaction = await patiently(() => this.writer.startTransaction());
      const { commit, rollback } = transaction;
      transaction.commit = () => commit.call(transaction).finally(done);
      transaction.rollback = () => rollback.call(transaction).finally(done);
      return transaction;
    } catch (error) {
      done();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await this.reader.dispose();
    await this.writer.dispose();
  }

  private async write<T>(action: () => Promise<T>): Promise<T> {
    const done = await this.turns.next();
    return await patiently(action).finally(done);
  }
}

/** Whether an error of the adapter says that another connection holds the lock (SQLITE_BUSY and its kin). */
function isBusy(error: unknown): boolean {
  return error instanceof Error && (error.cause as { kind?: unknown } | undefined)?.kind === 'SocketTimeout';
}

async function patiently<T>(action: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
      await sleep(1 + Math.random() * 8);
    }
  }
}
