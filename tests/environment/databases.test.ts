import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { freeBytesAt } from '../../drivers/database/disk';
import { databasesOf, startDatabases } from '../../environment/databases';
import { readDescription, withAutoPorts, withoutDatabases, type Description } from '../../environment/description';
import { Home } from '../../environment/home';
import { choosePorts } from '../../environment/ports-of-home';
import { ProcessRecord } from '../../environment/process-record';
import { Supervisor } from '../../environment/supervisor';
import { eventually } from '../support/eventually';
import { removeHome } from '../support/home-data';

/* The servers of databases that `npm start` brings up. */

jest.setTimeout(120_000);

let directory: string;
let home: Home;
let supervisor: Supervisor;
const said: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gw-databases-'));
  home = Home.open(join(directory, 'home'));
  said.length = 0;
});
afterEach(async () => {
  await supervisor.stop(supervisor.names);
  removeHome(home.directory);
  rmSync(directory, { recursive: true, force: true });
});

async function start(description: Description = readDescription()) {
  const ports = await choosePorts(home, withAutoPorts(description), false);
  const say = (text: string): void => void said.push(text);
  const record = new ProcessRecord(home.path('run', 'processes.json'));
  await record.endOrphans();
  supervisor = new Supervisor({ record, say, restarts: true });
  await Promise.all(startDatabases({ home, description, ports, supervisor, say }));
  return { ports, settings: databasesOf(description, ports, home) };
}

/** The URL that a worker finds for a server. */
const urlOf = (secret: string): string => readFileSync(join(home.secrets, secret), 'utf8').trim();

async function inMariaDb(sql: string, password?: string): Promise<unknown> {
  const { port, username, password: given } = new URL(urlOf('mariadb-url'));
  const options = { host: '127.0.0.1', port: Number(port), user: username, password: password ?? given };
  const connection = await createConnection(options);
  try {
    return (await connection.query(sql))[0];
  } finally {
    connection.destroy();
  }
}

async function inPostgres(sql: string, password?: string): Promise<unknown> {
  const url = new URL(urlOf('postgresql-url'));
  if (password !== undefined) url.password = password;
  const client = new Client({ connectionString: url.toString() });
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('they serve who has their secrets alone, and keep their data over a restart and a kill', async () => {
  const { ports, settings } = await start();
  expect(supervisor.names.sort()).toEqual(['mariadb', 'postgresql']);
  expect(settings!.servers).toEqual([
    {
      ...{ kind: 'mysql', secret: 'mariadb-url', address: `127.0.0.1:${ports.mariadb}` },
      directory: home.path('databases', 'mariadb'),
    },
    {
      ...{ kind: 'postgresql', secret: 'postgresql-url', address: `127.0.0.1:${ports.postgresql}` },
      database: 'gatewright',
      directory: home.path('databases', 'postgresql'),
    },
  ]);
  for (const { directory } of settings!.servers) expect(await freeBytesAt(directory!)).toBeGreaterThan(0);
  for (const { secret, address } of settings!.servers) {
    expect(new URL(urlOf(secret)).host).toBe(address);
    expect(statSync(join(home.secrets, secret)).mode & 0o777).toBe(0o600);
    expect(said.join()).not.toContain(new URL(urlOf(secret)).password);
  }
  for (const password of ['', 'guess']) {
    await expect(inMariaDb('SELECT 1', password)).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' });
    await expect(inPostgres('SELECT 1', password)).rejects.toThrow(/password/);
  }
  const accounts = await inMariaDb('SELECT User, Host FROM mysql.user ORDER BY Host');
  expect(accounts).toEqual([
    { User: 'root', Host: '127.0.0.1' },
    { User: 'mariadb.sys', Host: 'localhost' },
  ]);
  await inMariaDb('CREATE DATABASE kept');
  await inPostgres('CREATE SCHEMA kept');
  const kept = async (): Promise<void> => {
    expect(await inMariaDb("SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
    expect(await inPostgres("SELECT 1 FROM pg_namespace WHERE nspname = 'kept'")).toHaveLength(1);
  };

  for (const name of supervisor.names) await supervisor.kill9(name);
  await eventually(() => {
    for (const name of supervisor.names) expect(said.join('\n')).toContain(`${name} is up again`);
  }, 60_000);
  await kept();

  await supervisor.stop(supervisor.names);
  const secrets = [urlOf('mariadb-url'), urlOf('postgresql-url')];
  await start();
  expect([urlOf('mariadb-url'), urlOf('postgresql-url')]).toEqual(secrets);
  await kept();
});

test('where the description has none, none are started', async () => {
  const { ports, settings } = await start(withoutDatabases(readDescription()));
  expect([supervisor.names, settings]).toEqual([[], undefined]);
  expect([ports.mariadb, ports.postgresql]).toEqual([0, 0]);
  expect(existsSync(home.path('databases'))).toBe(false);
});
