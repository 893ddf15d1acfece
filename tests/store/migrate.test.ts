import { createClient } from '@libsql/client';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prisma } from '../../prisma/generated/sqlite/client';
import { migrate } from '../../prisma/migrate';
import { migrationsOf, readMigrations, type Migration } from '../../prisma/migrations';
import { failureOf, onBoth, onServer, range } from './on-both';

/** Runs one statement with neither Prisma nor the runner. */
async function sql(url: string, statement: string): Promise<Record<string, unknown>[]> {
  if (!url.startsWith('file:')) return await onServer(url, async (client) => (await client.query(statement)).rows);
  const client = createClient({ url });
  try {
    return (await client.execute(statement)).rows.map((row) => ({ ...row }));
  } finally {
    client.close();
  }
}

const records = (url: string) => sql(url, 'SELECT * FROM "_prisma_migrations" ORDER BY migration_name');

function migration(name: string, text: string): Migration {
  const directory = mkdtempSync(join(tmpdir(), 'gatewright-migration-'));
  try {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'migration.sql'), text);
    return readMigrations(directory)[0]!;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

onBoth('migrations', (databases) => {
  const ours = () => migrationsOf(databases.provider);
  const names = () => ours().map(({ name }) => name);

  test('a fresh database gets them all, a second time none', async () => {
    const url = await databases.empty();
    expect(names().length).toBeGreaterThan(0);
    expect(await migrate(url)).toEqual(names());
    expect(await migrate(url)).toEqual([]);
    const store = await databases.store(url);
    expect(await store.journal.head()).toBe(0);
  });

  test('every model has its table and columns', async () => {
    const { database } = await databases.database();
    for (const model of Object.values(Prisma.ModelName)) {
      const delegate = `${model[0]!.toLowerCase()}${model.slice(1)}` as 'run';
      expect([model, await database.client[delegate].findMany()]).toEqual([model, []]);
    }
  });

  test('they are recorded as Prisma records them', async () => {
    const url = await databases.empty();
    await migrate(url);
    const rows = await records(url);
    expect(rows.map((row) => [row['migration_name'], row['checksum']])).toEqual(
      ours().map(({ name, checksum }) => [name, checksum]),
    );
    for (const row of rows) {
      expect(row['id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(row['checksum']).toMatch(/^[0-9a-f]{64}$/);
      expect(row).toMatchObject({ applied_steps_count: 1, rolled_back_at: null, logs: null });
      expect(row['finished_at']).not.toBeNull();
    }
  });

  test('five processes at once apply each exactly once', async () => {
    const url = await databases.empty();
    const applied = await Promise.all(range(5).map(() => migrate(url)));
    expect(applied.flat()).toEqual(names());
    expect(await records(url)).toHaveLength(names().length);
  });

  test('a later migration is applied to a database that has the earlier', async () => {
    const url = await databases.empty();
    await migrate(url);
    const more = migration(
      '29990101000000_more',
      'CREATE TABLE more (id INTEGER PRIMARY KEY);\nINSERT INTO more VALUES (1);\n',
    );
    expect(await migrate(url, [...ours(), more])).toEqual([more.name]);
    expect(await sql(url, 'SELECT id FROM more')).toEqual([{ id: 1 }]);
    // To a version that does not know it, it is a database of the future.
    expect(await failureOf(migrate(url))).toMatchObject({
      code: 'STORE_MIGRATION',
      message: expect.stringContaining(more.name),
    });
  });

  test('one that fails leaves nothing behind, and says which it was', async () => {
    const url = await databases.empty();
    await migrate(url);
    const broken = migration(
      '29990101000000_broken',
      'CREATE TABLE half (id INTEGER PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);\n',
    );
    const failure = await failureOf(migrate(url, [...ours(), broken]));
    expect(failure).toMatchObject({
      code: 'STORE_MIGRATION',
      message: expect.stringMatching(/29990101000000_broken.*nowhere/s),
    });
    await expect(sql(url, 'SELECT * FROM half')).rejects.toThrow(/half/);
    expect(await records(url)).toHaveLength(names().length);
    expect(await migrate(url)).toEqual([]);
  });

  test('a half-applied one is refused with what to do, and not once it is marked as rolled back', async () => {
    const url = await databases.empty();
    await migrate(url);
    await sql(url, 'UPDATE "_prisma_migrations" SET finished_at = NULL');
    const failure = await failureOf(migrate(url));
    expect(failure.code).toBe('STORE_MIGRATION');
    expect(failure.message).toContain(names()[0]);
    expect(failure.message).toContain('prisma migrate resolve --applied');
    await sql(url, 'DROP TABLE "webhook_delivery"');
    await sql(url, 'UPDATE "_prisma_migrations" SET rolled_back_at = started_at');
    // Tried again, as `prisma migrate deploy` would; the rest of its tables is still there.
    expect(await failureOf(migrate(url))).toMatchObject({
      code: 'STORE_MIGRATION',
      message: expect.stringContaining('exists'),
    });
  });

  test('an edited one is refused', async () => {
    const url = await databases.empty();
    await migrate(url);
    const [first, ...rest] = ours();
    const edited = migration(first!.name, `${first!.sql}\n-- one more line\n`);
    expect(await failureOf(migrate(url, [edited, ...rest]))).toMatchObject({
      code: 'STORE_MIGRATION',
      message: expect.stringContaining('edited'),
    });
  });

  test('a store on a database without tables is refused', async () => {
    const url = await databases.empty();
    expect(await failureOf(databases.store(url))).toMatchObject({ code: 'STORE_MIGRATION' });
  });
});
