import { createClient } from '@libsql/client';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Failure, isFailure } from '../domain/failures';
import { migrationsOf, type Migration } from './migrations';
import { fileOf, providerOf, type Provider } from './url';

/** The advisory lock that Prisma's own migrate commands take. */
const PRISMA_LOCK = 72707369;

/** Milliseconds to wait for another process that is migrating. */
const PATIENCE_MS = 30_000;

/** A transaction that keeps every other migrator out, also Prisma's own. */
interface Session {
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Runs a whole file of statements. */
  script(sql: string): Promise<void>;
  record(migration: Migration): Promise<void>;
}

/** Prisma's own table of what was applied. */
const TABLE: Readonly<Record<Provider, string>> = {
  sqlite: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME,
    "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)`,
  postgresql: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" ("id" VARCHAR(36) PRIMARY KEY NOT NULL, "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ, "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`,
};

/**
 * Brings a database to the present schema. All missing migrations take effect together or not at all, each recorded as
 * `prisma migrate deploy` records it. Two processes may do it at once: one waits for the other.
 * @returns the names of what was applied now.
 * @throws Failure STORE_MIGRATION for a half-applied, edited or unknown migration, or SQL that the database refuses,
 * naming it and what to do; STORE_UNAVAILABLE.
 */
export async function migrate(
  databaseUrl: string,
  migrations: readonly Migration[] = migrationsOf(providerOf(databaseUrl)),
): Promise<string[]> {
  const provider = providerOf(databaseUrl);
  const within = provider === 'sqlite' ? withinSqlite : withinPostgres;
  return await within(databaseUrl, async (session) => {
    await session.script(TABLE[provider]);
    const missing = pending(migrations, await session.query('SELECT * FROM "_prisma_migrations"'));
    for (const migration of missing) {
      await session.script(migration.sql).catch((error: Error) => {
        throw refused(
          `migration ${migration.name} failed: ${error.message}. Nothing of it was kept; correct it and start again`,
          error,
        );
      });
      await session.record(migration);
    }
    return missing.map(({ name }) => name);
  });
}

/** What is to be applied, given the rows of Prisma's table. @throws Failure STORE_MIGRATION */
function pending(migrations: readonly Migration[], rows: readonly Record<string, unknown>[]): Migration[] {
  const valid = rows.filter((row) => row['rolled_back_at'] === null);
  for (const row of valid) {
    const name = String(row['migration_name']);
    const known = migrations.find((migration) => migration.name === name);
    if (row['finished_at'] === null)
      throw refused(
        `migration ${name} was begun and not finished. Look at what of it took effect, complete or undo it by hand, then ` +
          `run \`prisma migrate resolve --applied ${name}\` or \`--rolled-back ${name}\``,
      );
    if (!known)
      throw refused(
        `the database has migration ${name}, which this version does not know. Run the version that does, or restore a backup`,
      );
    if (known.checksum !== row['checksum'])
      throw refused(
        `migration ${name} was edited after it was applied. Put its file back as it was and add a new migration instead`,
      );
  }
  return migrations.filter(({ name }) => !valid.some((row) => row['migration_name'] === name));
}

function refused(message: string, cause?: unknown): Failure {
  return new Failure('STORE_MIGRATION', message, { cause });
}

async function withinSqlite<T>(databaseUrl: string, action: (session: Session) => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  try {
    mkdirSync(dirname(fileOf(databaseUrl)), { recursive: true });
    for (;;) {
      // Another connection for every attempt: one that met SQLITE_BUSY cannot commit (see sqlite/adapter.ts).
      const client = createClient({ url: `file:${fileOf(databaseUrl)}`, concurrency: 1 });
      try {
        return await sqliteTransaction(client, action);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || Date.now() > deadline) throw error;
      } finally {
        client.close();
      }
      await sleep(5 + Math.random() * 20);
    }
  } catch (error) {
    throw isFailure(error) ? error : unavailable(error);
  }
}

async function sqliteTransaction<T>(
  client: ReturnType<typeof createClient>,
  action: (session: Session) => Promise<T>,
): Promise<T> {
  const transaction = await client.transaction('write');
  try {
    const result = await action({
      query: async (sql) => (await transaction.execute(sql)).rows,
      script: async (sql) => await transaction.executeMultiple(sql),
      record: async ({ name, checksum }) => {
        // Milliseconds, as Prisma's engine writes DATETIME of its own table on SQLite.
        const now = Date.now();
        const sql =
          'INSERT INTO "_prisma_migrations" ("id", "checksum", "finished_at", "migration_name", "started_at", "applied_steps_count") VALUES (?, ?, ?, ?, ?, 1)';
        await transaction.execute({ sql, args: [randomUUID(), checksum, now, name, now] });
      },
    });
    await transaction.commit();
    return result;
  } finally {
    transaction.close();
  }
}

async function withinPostgres<T>(databaseUrl: string, action: (session: Session) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 5_000,
    lock_timeout: PATIENCE_MS,
  });
  client.on('error', () => undefined); // a connection that breaks fails the query under way as well
  try {
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1)', [PRISMA_LOCK]);
      const result = await action({
        query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
        script: async (sql) => void (await client.query(sql)),
        record: async ({ name, checksum }) =>
          void (await client.query(
            'INSERT INTO "_prisma_migrations" ("id", "checksum", "finished_at", "migration_name", "applied_steps_count") VALUES ($1, $2, clock_timestamp(), $3, 1)',
            [randomUUID(), checksum, name],
          )),
      });
      await client.query('COMMIT');
      return result;
    } finally {
      await client.end(); // ends an open transaction, too
    }
  } catch (error) {
    throw isFailure(error) ? error : unavailable(error);
  }
}

function unavailable(cause: unknown): Failure {
  return new Failure('STORE_UNAVAILABLE', undefined, { cause });
}
