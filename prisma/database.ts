import { setTimeout as sleep } from 'node:timers/promises';
import { storeFailure, isWriteConflict } from './failure';
import type { Prisma, PrismaClient } from './generated/sqlite/client';

/** What a store's part runs its statements on: the database itself, or a transaction of it. */
export type Client = PrismaClient | Prisma.TransactionClient;

/** Milliseconds that a transaction may wait for its turn, and then take. */
const PATIENCE_MS = 10_000;

/** How often a transaction that PostgreSQL ended for another's sake is tried in all. */
const ATTEMPTS = 5;

/**
 * One open database. Both providers have the same models, so the client of one stands for both; what differs in SQL is
 * asked of {@link provider}.
 */
export class Database {
  constructor(
    readonly client: PrismaClient,
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

  /**
   * Runs statements that take effect together or not at all. On SQLite it holds the only write lock from its start; on
   * PostgreSQL it is READ COMMITTED, so its first statement must lock the row that guards the others. `action` may run
   * more than once.
   * @throws as {@link run}
   */
  async transaction<T>(action: (client: Client) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.client.$transaction(action, { maxWait: PATIENCE_MS, timeout: PATIENCE_MS });
      } catch (error) {
        if (!isWriteConflict(error) || attempt === ATTEMPTS) throw storeFailure(error);
        await backoff(attempt);
      }
    }
  }
}

/** Waits a random time that grows with the attempts already made: at most 10 ms after the first, 160 after the fifth. */
export async function backoff(attempt: number): Promise<void> {
  await sleep(Math.random() * 5 * 2 ** attempt);
}
