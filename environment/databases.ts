import { mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabasesSettings } from '../domain/settings';
import { writeSecret } from '../drivers/secrets/files';
import type { Description } from './description';
import type { Home } from './home';
import type { MariaDb } from './mariadb';
import type { Ports } from './ports-of-home';
import type { Postgres } from './postgres';
import type { Supervisor } from './supervisor';

/** The names of the secrets that hold the URLs of the environment's own servers. */
const secrets = { mysql: 'mariadb-url', postgresql: 'postgresql-url' } as const;

/** Where the data is of servers that may not run as root: they could not enter a home below root's own directory. */
const SHARED = '/var/lib/gatewright';

/** What the servers of an environment are brought up with. */
export interface DatabasesOptions {
  readonly home: Home;
  readonly description: Description;
  readonly ports: Ports;
  readonly supervisor: Supervisor;
  readonly say: (text: string) => void;
}

/** What the API and the workers are told of the servers; undefined where the description has none. */
export function databasesOf({ databases }: Description, ports: Ports, home: Home): DatabasesSettings | undefined {
  const directory = (name: string): string => home.path('databases', name);
  return (
    databases && {
      policy: databases.policy,
      servers: [
        {
          ...{ kind: 'mysql', secret: secrets.mysql, address: `127.0.0.1:${ports.mariadb}` },
          directory: directory('mariadb'),
        },
        {
          ...{ kind: 'postgresql', secret: secrets.postgresql, address: `127.0.0.1:${ports.postgresql}` },
          database: 'gatewright',
          directory: directory('postgresql'),
        },
      ],
    }
  );
}

/**
 * Starts the servers that the description has, side by side, and writes the URLs of their administrators into secrets.
 * Each promise rejects with the ComponentFailed of a server that does not come up.
 */
export function startDatabases({ home, description, ports, supervisor, say }: DatabasesOptions): Promise<void>[] {
  if (!description.databases) return [];
  const data = dataDirectory(home);
  const start = async (name: string, secret: string, server: () => Promise<MariaDb | Postgres>): Promise<void> => {
    await supervisor.start(name, async () => {
      const { component, url } = await server();
      await writeSecret(home.secrets, secret, url);
      return component;
    });
  };
  const place = (name: string) => ({ directory: join(data, name), logFile: home.logFile(name) });
  const mariadb = async (): Promise<void> => {
    // Loaded only here, as PostgreSQL's: the drivers of databases cost memory.
    const { startMariaDb } = require('./mariadb') as typeof import('./mariadb');
    const options = { 'binlog-expire-logs-seconds': '86400' };
    const spec = { ...place('mariadb'), port: ports.mariadb, options };
    await start('mariadb', secrets.mysql, async () => await startMariaDb(spec));
    say(`MariaDB: 127.0.0.1:${ports.mariadb}`);
  };
  const postgresql = async (): Promise<void> => {
    const { startPostgres } = require('./postgres') as typeof import('./postgres');
    const spec = { ...place('postgresql'), port: ports.postgresql, passwords: true };
    await start('postgresql', secrets.postgresql, async () => await startPostgres(spec));
    say(`PostgreSQL: 127.0.0.1:${ports.postgresql}`);
  };
  return [mariadb(), postgresql()];
}

/**
 * The directory of the servers' data: `databases` in the home. As root that is a link to a directory that servers which
 * may not run as root can enter; the home is its owner's alone.
 */
function dataDirectory(home: Home): string {
  const own = home.path('databases');
  if (process.getuid?.() !== 0) {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    return own;
  }
  const shared = linkedFrom(own) ?? join(SHARED, randomUUID());
  for (const directory of [SHARED, shared]) mkdirSync(directory, { recursive: true, mode: 0o711 });
  if (linkedFrom(own) === undefined) symlinkSync(shared, own);
  return shared;
}

function linkedFrom(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
