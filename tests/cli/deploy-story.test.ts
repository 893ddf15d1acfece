import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { readDescription, withAutoPorts } from '../../environment/description';
import { RunningEnvironment } from '../support/running';
import { runCli, type Ended } from './support/run-cli';

/* Deploy requests as a person types them, in a whole environment: API, worker, Temporal, MariaDB and PostgreSQL. */

jest.setTimeout(240_000);

const organizationId = '0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d';
let running: RunningEnvironment;
beforeAll(async () => {
  const { databases } = withAutoPorts(readDescription());
  const change = (description: ReturnType<typeof readDescription>) => ({ ...description, databases });
  running = await RunningEnvironment.start(change, { workerEntry: 'cli/main' });
});
afterAll(async () => await running?.close());

async function cli(line: string): Promise<Ended> {
  const env = {
    GATEWRIGHT_API: running.environment.apiUrl,
    GATEWRIGHT_TOKEN: running.token,
    GATEWRIGHT_ORGANIZATION: organizationId,
  };
  return await runCli(line.split(' '), { env, now: () => new Date() });
}

/** What a command prints that does what it should. */
async function does(line: string): Promise<string> {
  const { code, out, err } = await cli(line);
  expect([line, code, code === 0 ? '' : `${out}${err}`]).toEqual([line, 0, '']);
  return out;
}

/** What the check of a request found of the disk. */
async function storage(database: string, number: number): Promise<unknown> {
  const { environment, token } = running;
  const path = `/v1/organizations/${organizationId}/databases/${database}/deploy-requests/${number}/storage-check`;
  return await (await fetch(environment.apiUrl + path, { headers: { authorization: `Bearer ${token}` } })).json();
}

/** Runs statements as whoever has the URL; gives the rows of the last. */
async function sql(url: string, ...statements: string[]): Promise<unknown> {
  let rows: unknown;
  if (url.startsWith('mysql:')) {
    const connection = await createConnection(url);
    try {
      for (const statement of statements) [rows] = await connection.query(statement);
    } finally {
      connection.destroy();
    }
  } else {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      for (const statement of statements) ({ rows } = await client.query(statement));
    } finally {
      await client.end();
    }
  }
  return rows;
}

/** The type of a column that counts by itself. */
const counts: Readonly<Record<string, string>> = { mysql: 'int AUTO_INCREMENT', postgresql: 'serial' };

test.each(['mysql', 'postgresql'])(
  'on %s: deployed, reverted, deployed again for good, and another cancelled',
  async (kind) => {
    const shop = `shop-${kind}`;
    expect(await does(`database create ${shop} --kind ${kind}`)).toMatch(/state +ready/);
    const main = (await does(`branch password ${shop} main`)).trim();
    await sql(main, 'CREATE TABLE users (id int PRIMARY KEY, name varchar(40))', "INSERT INTO users VALUES (1, 'ada')");
    await does(`branch create ${shop} dev`);
    const dev = (await does(`branch password ${shop} dev`)).trim();
    expect(await sql(dev, 'SELECT * FROM users')).toEqual([]); // its schema, not its rows
    await sql(dev, 'ALTER TABLE users ADD COLUMN age int', `CREATE TABLE tags (id ${counts[kind]!} PRIMARY KEY)`);
    expect(await does(`branch diff ${shop} dev`)).toMatch(/^\+.*age.* int/m);

    expect(await does(`deploy create ${shop} dev`)).toMatch(/state +ready/);
    // The servers' disk is this host's, and the worker knows where they have their data.
    expect(await storage(shop, 1)).toMatchObject({ enough_storage: true, storage_bytes_free: expect.any(Number) });
    expect(await does(`deploy start ${shop} dev`)).toMatch(/state +pending cutover/);
    await sql(main, "INSERT INTO users VALUES (2, 'bea')"); // while it waits
    expect(await does(`deploy apply ${shop} 1`)).toMatch(/revert +possible for (29|30) min/);
    await sql(main, "INSERT INTO users (id, name) VALUES (3, 'cyd')"); // while it can be reverted
    const named = [1, 2, 3].map((id, index) => ({ id, name: ['ada', 'bea', 'cyd'][index] }));
    expect(await sql(main, 'SELECT * FROM users ORDER BY id')).toEqual(named.map((row) => ({ ...row, age: null })));
    expect(await does(`deploy losses ${shop} 1`)).toBe('A revert loses nothing.\n');
    expect(await does(`deploy revert ${shop} 1`)).toMatch(/state +complete revert/);
    expect(await sql(main, 'SELECT * FROM users ORDER BY id')).toEqual(named);
    await expect(sql(main, 'SELECT * FROM tags')).rejects.toThrow(/tags/);

    await does(`deploy create ${shop} dev --auto-apply`);
    expect(await does(`deploy start ${shop} 2`)).toMatch(/state +complete pending revert/);
    expect(await does(`deploy skip-revert ${shop} 2`)).toMatch(/state +complete: /);
    expect(await sql(main, 'SELECT * FROM users ORDER BY id')).toEqual(named.map((row) => ({ ...row, age: null })));
    // A table that is new is as much the branch's as those that were there, for whoever may do what.
    const app = (await does(`branch password ${shop} main --role readwriter`)).trim();
    for (const url of [main, app]) await sql(url, 'INSERT INTO tags VALUES (DEFAULT)');
    expect(await sql(app, 'SELECT * FROM tags ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    await sql(main, 'ALTER TABLE tags ADD COLUMN label text');

    await sql(dev, 'ALTER TABLE users ADD COLUMN city text');
    await does(`deploy create ${shop} dev`);
    await does(`deploy start ${shop} 3`);
    expect(await does(`deploy cancel ${shop} 3`)).toMatch(/state +complete cancel/);
    expect((await cli(`deploy watch ${shop} 3`)).code).toBe(1);
    await expect(sql(main, 'SELECT city FROM users')).rejects.toThrow(/city/);

    await does(`database remove ${shop} -y`);
    await expect(sql(main, 'SELECT 1')).rejects.toThrow();
    await expect(sql(dev, 'SELECT 1')).rejects.toThrow();
  },
);
