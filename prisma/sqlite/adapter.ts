import { createClient, type Client, type Config, type TransactionMode } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import type {
  SqlDriverAdapter,
  SqlDriverAdapterFactory,
  SqlQuery,
  SqlResultSet,
  Transaction,
} from '@prisma/driver-adapter-utils';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that SQLite itself waits for a lock. It waits without yielding, so only as long as nobody notices. */
const BLOCKING_WAIT_MS = 4;

/** Milliseconds after which a lock that another process holds is given up, and the caller told that the store is busy. */
const PATIENCE_MS = 10_000;

const WRITES = /^\s*(insert|update|delete|replace)\b/i;

/**
 * Prisma's libsql adapter, made fit for a file that several processes write:
 *
 * - one connection writes and one reads, so that readers never wait (WAL) and writers of this process queue in memory;
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
    const config = { url: this.url, concurrency: 1, timeout: BLOCKING_WAIT_MS };
    const writer = await new OwnClient(config).connect();
    const reader = await new OwnClient(config).connect();
    return new SharedSqliteAdapter(writer, reader);
  }
}

/** Hands Prisma's adapter a client whose transactions are IMMEDIATE. */
class OwnClient extends PrismaLibSql {
  override createClient(config: Config): Client {
    const client = createClient(config);
    const transaction = client.transaction.bind(client);
    client.transaction = (_mode?: TransactionMode) => transaction('write');
    return client;
  }

  override async connect(): Promise<SqlDriverAdapter> {
    const adapter = await super.connect();
    // Changing the journal mode needs the file for itself, once in its life; afterwards this is a read.
    await patiently(() => adapter.executeScript('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL'));
    return adapter;
  }
}

class SharedSqliteAdapter implements SqlDriverAdapter {
  readonly provider = 'sqlite';
  readonly adapterName = 'gatewright-shared-sqlite';

  constructor(
    private readonly writer: SqlDriverAdapter,
    private readonly reader: SqlDriverAdapter,
  ) {}

  queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    const connection = WRITES.test(query.sql) ? this.writer : this.reader;
    return patiently(() => connection.queryRaw(query));
  }

  executeRaw(query: SqlQuery): Promise<number> {
    return patiently(() => this.writer.executeRaw(query));
  }

  executeScript(script: string): Promise<void> {
    return patiently(() => this.writer.executeScript(script));
  }

  startTransaction(): Promise<Transaction> {
    return patiently(() => this.writer.startTransaction());
  }

  async dispose(): Promise<void> {
    await this.reader.dispose();
    await this.writer.dispose();
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
