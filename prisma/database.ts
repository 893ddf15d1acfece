import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '@prisma/driver-adapter-utils';
import { Failure } from '../domain/failures';
import type { Connection } from './connection';
import { storeFailure, isWriteConflict } from './failure';
import type { Prisma, PrismaClient } from './generated/sqlite/client';
import { DirectStatements, type Statements } from './statements';

/** What a store's part runs its statements on: the database itself, or a transaction of it. */
export type Client = PrismaClient | Prisma.TransactionClient;

/** Milliseconds that a transaction may wait for its turn, and then take. */
const PATIENCE_MS = 10_000;

/** How often a transaction that PostgreSQL ended for another's sake is tried in all. */
const ATTEMPTS = 5;

/**
 * One open database. Both providers have the same models, so the client of one stands for both; what differs in SQL is
 * asked of {@link provider}. What runs often takes {@link direct} and {@link together}, all else the models of the
 * client by {@link run} and {@link transaction}.
 */
export class Database {
  constructor(
    readonly client: PrismaClient,
    private readonly connection: Connection,
    readonly provider: 'sqlite' | 'postgresql',
  ) {}

  get isPostgres(): boolean {
    return this.provider === 'postgresql';
  }

  /**
   * Runs single statements, each a transaction of its own.
   * @throws Failure STORE_UNAVAILABLE, CONFLICT for a unique violation, STORE_MIGRATION for a missing table or column.
   */
  async run<T>(action: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await action(this.client);
    } catch (error) {
      throw storeFailure(error);
    }
  }

  /** The same as {@link run}, without Prisma's client between. @throws as {@link run} */
  async direct<T>(action: (statements: Statements) => Promise<T>): Promise<T> {
    try {
      return await action(new DirectStatements(await this.connection.connect()));
    } catch (error) {
      throw storeFailure(error);
    }
  }

  /**
   * Runs statements that take effect together or not at all. On SQLite it holds the only write lock from its start; on
   * PostgreSQL it is READ COMMITTED, so its first statement must lock the row that guards the others. `action` may run
   * more than once.
   * @throws as {@link run}
   */
  async transaction<T>(action: (client: Client) => Promise<T>): Promise<T> {
    return await repeated(() => this.client.$transaction(action, { maxWait: PATIENCE_MS, timeout: PATIENCE_MS }));
  }

  /** The same as {@link transaction}, without Prisma's client between. @throws as {@link run} */
  async together<T>(action: (statements: Statements) => Promise<T>): Promise<T> {
    return await repeated(async () => {
      const transaction = await (await this.connection.connect()).startTransaction();
      const statements = new DirectStatements(transaction);
      const overdue = new AbortController();
      const late = sleep(PATIENCE_MS, undefined, { signal: overdue.signal, ref: false }).then(() => {
        throw new Failure('STORE_UNAVAILABLE', `a transaction took more than ${PATIENCE_MS} ms`);
      });
      try {
        const result = await Promise.race([action(statements), late]);
        await end(transaction, 'COMMIT');
        return result;
      } catch (error) {
        // An action that took too long may still be at it, and the connection will be another's.
        statements.revoke();
        // Not waited for where a statement does not end: it is undone when it does.
        await Promise.race([end(transaction, 'ROLLBACK'), late]).catch(() => undefined);
        throw error;
      } finally {
        overdue.abort();
      }
    });
  }

  async close(): Promise<void> {
    await this.client.$disconnect();
    await this.connection.close();
  }
}

/** Ends a transaction as Prisma's engine does: an adapter without "phantom queries" leaves the statement to its caller. */
async function end(transaction: Transaction, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  const finish = (): Promise<void> => (how === 'COMMIT' ? transaction.commit() : transaction.rollback());
  if (transaction.options.usePhantomQuery) return await finish();
  await transaction.executeRaw({ sql: how, args: [], argTypes: [] }).finally(finish);
}

async function repeated<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isWriteConflict(error) || attempts === ATTEMPTS) throw storeFailure(error);
      await backoff(attempts);
    }
  }
}

/** Waits a random time that grows with the attempts already made: at most 10 ms after the first, 160 after the fifth. */
export async function backoff(attempt: number): Promise<void> {
  await sleep(Math.random() * 5 * 2 ** attempt);
}
