import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { Component } from './process';
import { unprivileged } from './unprivileged';

/** A PostgreSQL server of our own. */
export interface Postgres {
  /** Of the database `gatewright`, for its superuser, without a password: for tests on this machine. */
  readonly url: string;
  readonly component: Component;
  stop(): Promise<void>;
}

/** How to run a server. */
export interface PostgresSpec {
  /** For its data and its log. */
  readonly directory: string;
  readonly port: number;
  /** Server settings by name, as in `{ fsync: 'off' }` for data that nobody misses. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Where Debian puts the server's programs, by major version. */
const DEBIAN = '/usr/lib/postgresql';

/**
 * Starts a PostgreSQL server on 127.0.0.1 with a data directory below `directory`, made where it is missing. As root it
 * runs as the user `postgres`, because the server refuses root; that user must be able to enter the directory's parents.
 * @throws ComponentFailed when it does not come up; Error where PostgreSQL is not installed.
 */
export async function startPostgres({ directory, port, settings = {} }: PostgresSpec): Promise<Postgres> {
  const programs = postgresPrograms();
  const data = join(directory, 'data');
  const asOwner = unprivileged('postgres', directory);
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const [command, ...args] = asOwner([
      join(programs, 'initdb'),
      '-D',
      data,
      '-U',
      'gatewright',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '-N',
    ]);
    execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  }
  const [command, ...args] = asOwner([
    ...[join(programs, 'postgres'), '-D', data, '-p', String(port)],
    ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const url = (database: string): string => `postgresql://gatewright@127.0.0.1:${port}/${database}`;
  const component = await Component.start({
    name: 'postgresql',
    command: command!,
    args,
    cwd: '/',
    logFile: join(directory, 'postgresql.log'),
    probe: async () => {
      await accepts(port);
      await withClient(url('postgres'), (client) => client.query('SELECT 1'));
    },
  });
  await withClient(url('postgres'), async (client) => {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'gatewright'");
    if (rowCount === 0) await client.query('CREATE DATABASE gatewright');
  });
  // SIGINT ends the sessions that are open; SIGTERM would wait for them.
  return { url: url('gatewright'), component, stop: async () => await component.stop('SIGINT') };
}

/** Where the programs of the newest installed server are. @throws Error naming what to install. */
export function postgresPrograms(): string {
  const versions = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  const found = versions
    .map((version) => join(DEBIAN, String(version), 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
  if (found === undefined)
    throw new Error('PostgreSQL is not installed; `apt-get install postgresql` puts it in place');
  return found;
}

/** Says whether somebody listens: a refused TCP connection is quicker than a driver's. */
async function accepts(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}

async function withClient(connectionString: string, action: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await action(client);
  } finally {
    await client.end();
  }
}
