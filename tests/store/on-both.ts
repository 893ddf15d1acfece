import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Postgres } from '../../environment/postgres';
import type { Database } from '../../prisma/database';
import { migrate } from '../../prisma/migrate';
import { openDatabase, openStore, storeOn } from '../../prisma/open';
import type { Store } from '../../prisma/store';
import { testPostgres } from '../support/postgres';

/** A database server for the tests of one file; every test gets databases of its own. */
export interface TestDatabases {
  readonly provider: 'sqlite' | 'postgresql';
  /** The URL of a new, empty database. */
  empty(): Promise<string>;
  /** The URL of a database with the present schema and nothing in it: at most one per test. */
  migrated(): Promise<string>;
  /** A store on a new database, or another one on `url`; closed after the test. */
  store(url?: string): Promise<Store>;
  /** The bare database likewise, with its store. */
  database(url?: string): Promise<{ database: Database; store: Store; url: string }>;
}

let directory = '';
let running: Promise<Postgres> | undefined;
let count = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-store-'));
});
afterAll(async () => {
  await (await running)?.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs the same tests on SQLite and on PostgreSQL. */
export function onBoth(title: string, tests: (databases: TestDatabases) => void): void {
  describe.each(['sqlite', 'postgresql'] as const)(`${title} (%s)`, (provider) => {
    let server: Postgres | undefined;
    const open: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      // One server serves all tests of a file.
      if (provider === 'postgresql') server = await (running ??= testPostgres(directory));
    });
    afterEach(async () => {
      for (const close of open.splice(0)) await close();
    });

    const databases: TestDatabases = {
      provider,
      async empty() {
        const name = `test_${++count}`;
        if (!server) return `file:${join(directory, `${name}.db`)}`;
        await onServer(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
        return server.url.replace(/[^/]*$/, name);
      },
      async migrated() {
        if (!server) {
          const url = await databases.empty();
          await migrate(url);
          return url;
        }
        // Making a database costs a second where the disk is busy; emptying one does not.
        if ((await migrate(server.url)).length === 0) await wipe(server.url);
        return server.url;
      },
      async store(url) {
        const store = await openStore(url ?? (await databases.migrated()));
        open.push(() => store.close());
        return store;
      },
      async database(given) {
        const url = given ?? (await databases.migrated());
        const database = openDatabase(url);
        const store = storeOn(database);
        open.push(() => store.close());
        return { database, store, url };
      },
    };
    tests(databases);
  });
}

/** Empties every table of ours and begins every sequence anew. */
async function wipe(url: string): Promise<void> {
  await onServer(url, async (client) => {
    const tables = await client.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'",
    );
    const statements = tables.rows.map(({ name }) => `DELETE FROM "${name}"`);
    await client.query([...statements, 'ALTER SEQUENCE journal_entry_seq_seq RESTART'].join(';'));
  });
}

/** Runs something on a PostgreSQL database with a connection of its own. */
export async function onServer<T>(connectionString: string, action: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

/** What an action fails with; fails the test when it does not. */
export async function failureOf(
  action: Promise<unknown>,
): Promise<{ code: string; data: Record<string, unknown>; message: string }> {
  const outcome = await action.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error as { code: string; data: Record<string, unknown>; message: string };
  throw new Error(`it should have failed, and gave ${JSON.stringify(outcome.value)}`);
}

/** What each of several actions fails with; fails the test when one does not. */
export async function failuresOf(
  actions: readonly Promise<unknown>[],
): Promise<readonly Awaited<ReturnType<typeof failureOf>>[]> {
  return await Promise.all(actions.map(failureOf));
}

/** The codes of those that failed. */
export function codesOf(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
  );
}

/** The values of those that succeeded. */
export function valuesOf<T>(outcomes: readonly PromiseSettledResult<T>[]): T[] {
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** `n` numbers from 0. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index);
}
