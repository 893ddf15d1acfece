import { randomUUID } from 'node:crypto';
import { Failure } from '../domain/failures';
import { lockFor, unlocked, type Forced, type Lock, type Locking, type Wanted } from '../domain/rollout/locks';
import type { SchemaLocks } from './apply-store';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { SchemaLockModel } from './generated/sqlite/models';
import { lockDatabase } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** {@link SchemaLocks} in the database: those of one database are read and written by one at a time. */
export class StoredSchemaLocks implements SchemaLocks {
  constructor(private readonly database: Database) {}

  async acquire(organizationId: string, given: Omit<Wanted, 'at'>): Promise<Locking> {
    return await this.held(organizationId, given.databaseId, async (statements, rows) => {
      const locking = lockFor({ ...given, at: new Date() }, [...rows.keys()]);
      await give(statements, rows, locking.lost);
      const { lock, had } = locking;
      if (!had)
        await table(statements, 'schemaLock').create({
          data: {
            ...{ id: randomUUID(), organizationId, databaseId: lock.databaseId, owner: lock.owner },
            ...{ deployments: JSON.stringify(lock.deployments), acquiredAt: lock.acquiredAt },
            forced: lock.forced && JSON.stringify(lock.forced),
          },
        });
      return locking;
    });
  }

  async release(organizationId: string, given: Omit<Wanted, 'at'>): Promise<void> {
    await this.held(organizationId, given.databaseId, async (statements, rows) => {
      const held = [...rows.keys()];
      const left = unlocked({ ...given, at: new Date() }, held);
      await give(
        statements,
        rows,
        held.filter((lock) => !left.includes(lock)),
      );
    });
  }

  async list(organizationId: string, databaseId: string): Promise<Lock[]> {
    const rows = await this.database.direct((statements) => locksOf(statements, organizationId, databaseId));
    return [...rows.keys()];
  }

  /** @throws Failure NOT_FOUND for no such database */
  private async held<T>(
    organizationId: string,
    databaseId: string,
    action: (statements: Statements, rows: ReadonlyMap<Lock, string>) => Promise<T>,
  ): Promise<T> {
    return await this.database.together(async (statements) => {
      if (!(await lockDatabase(this.database, statements, { organizationId, databaseId })))
        throw new Failure('NOT_FOUND', 'there is no such database');
      return await action(statements, await locksOf(statements, organizationId, databaseId));
    });
  }
}

/** The locks of a database with their ids, oldest first. */
async function locksOf(
  statements: Statements,
  organizationId: string,
  databaseId: string,
): Promise<ReadonlyMap<Lock, string>> {
  const rows = await statements.rows<SchemaLockModel>(Prisma.sql`
    SELECT * FROM schema_lock WHERE database_id = ${databaseId} AND organization_id = ${organizationId}
    ORDER BY acquired_at, id`);
  return new Map(rows.map((row) => [lockOf(row), row.id]));
}

async function give(statements: Statements, rows: ReadonlyMap<Lock, string>, locks: readonly Lock[]): Promise<void> {
  for (const lock of locks) await table(statements, 'schemaLock').deleteMany({ where: { id: rows.get(lock) } });
}

function lockOf({ databaseId, deployments, owner, acquiredAt, forced }: SchemaLockModel): Lock {
  return {
    ...{ databaseId, owner, acquiredAt },
    deployments: JSON.parse(deployments) as string[],
    forced: forced === null ? null : (JSON.parse(forced) as Forced),
  };
}
