import { createClient } from '@libsql/client';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from 'undici';
import { exchange, type Answered } from '../drivers/http';
import { requireFree } from './ports';
import { Component, ComponentFailed } from './process';

/** What a PowerDNS of the environment is told. */
export interface PowerDnsOptions {
  /** Its own directory: configuration, database, control socket. A later start on the same one finds its zone again. */
  readonly directory: string;
  /** Port of its HTTP API on 127.0.0.1. */
  readonly apiPort: number;
  /** Port on 127.0.0.1 where it answers DNS, over UDP and TCP. */
  readonly dnsPort: number;
  readonly apiKey: string;
  /** Name of the one zone, without a trailing dot; created when it is absent. */
  readonly zone: string;
  readonly logFile: string;
}

/** Where Debian's pdns-backend-sqlite3 keeps the schema (4.7 and later). */
const SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql';
const SERVER = '/usr/sbin/pdns_server';

/**
 * Starts a PowerDNS with a database of its own and waits until it serves the zone.
 * @throws ComponentFailed when a port is taken, the package is missing or it does not come up.
 */
export async function startPowerDns(options: PowerDnsOptions): Promise<Component> {
  await requireFree('PowerDNS', '127.0.0.1', options.apiPort);
  await requireFree('PowerDNS', '127.0.0.1', options.dnsPort);
  await mkdir(join(options.directory, 'run'), { recursive: true });
  await createDatabase(join(options.directory, 'pdns.sqlite3'));
  await writeFile(join(options.directory, 'pdns.conf'), configuration(options), { mode: 0o600 });
  const component = await Component.start({
    name: 'PowerDNS',
    command: existsSync(SERVER) ? SERVER : 'pdns_server',
    args: [`--config-dir=${options.directory}`],
    logFile: options.logFile,
    probe: async () => {
      const answer = await call(options, 'GET', '');
      if (answer.status !== 200) throw new Error(`its API answered ${answer.status}`);
    },
  });
  await createZone(options).catch(async (error: unknown) => {
    await component.kill();
    throw error;
  });
  return component;
}

function configuration({ directory, apiPort, dnsPort, apiKey, zone }: PowerDnsOptions): string {
  return Object.entries({
    launch: 'gsqlite3',
    'gsqlite3-database': join(directory, 'pdns.sqlite3'),
    'gsqlite3-pragma-journal-mode': 'WAL',
    'gsqlite3-pragma-synchronous': '1', // NORMAL: with WAL a kill loses nothing, only a power cut may
    'default-api-rectify': 'no', // an unsigned zone needs none, and its cost grows with the zone
    'local-address': '127.0.0.1',
    'local-port': dnsPort,
    'socket-dir': join(directory, 'run'),
    daemon: 'no',
    guardian: 'no',
    'disable-syslog': 'yes',
    webserver: 'yes',
    'webserver-address': '127.0.0.1',
    'webserver-port': apiPort,
    'webserver-allow-from': '127.0.0.1',
    'webserver-loglevel': 'none',
    api: 'yes',
    'api-key': apiKey,
    // Changes are seen by the next query, also where the name was asked for before.
    'cache-ttl': 0,
    'query-cache-ttl': 0,
    'negquery-cache-ttl': 0,
    'zone-cache-refresh-interval': 0,
    'security-poll-suffix': '', // or it asks the internet about itself
    'distributor-threads': 1,
    'receiver-threads': 1,
    'default-soa-content': `ns1.${zone} hostmaster.@ 0 10800 3600 604800 60`,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Builds the database beside its place and renames it there, so that a kill in between leaves none rather than half of one. */
async function createDatabase(path: string): Promise<void> {
  if (existsSync(path)) return;
  const schema = await readFile(SCHEMA, 'utf8').catch(() => {
    throw new ComponentFailed(`PowerDNS: ${SCHEMA} is missing; install the package pdns-backend-sqlite3`);
  });
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  const client = createClient({ url: `file:${draft}` });
  try {
    await client.executeMultiple(schema);
  } finally {
    client.close();
  }
  await rename(draft, path);
}

async function createZone(options: PowerDnsOptions): Promise<void> {
  const name = `${options.zone}.`;
  const present = await call(options, 'GET', `/zones/${name}?rrsets=false`);
  if (present.status === 200) return;
  const created = await call(options, 'POST', '/zones', { name, kind: 'Native', nameservers: [`ns1.${name}`] });
  if (created.status !== 201)
    throw new ComponentFailed(
      `PowerDNS did not create the zone ${options.zone}: ${created.status} ${created.text.slice(0, 200)}`,
    );
}

async function call(options: PowerDnsOptions, method: 'GET' | 'POST', path: string, body?: object): Promise<Answered> {
  const dispatcher = new Agent({ pipelining: 0 });
  try {
    const answer = await exchange({
      dispatcher,
      url: `http://127.0.0.1:${options.apiPort}/api/v1/servers/localhost${path}`,
      method,
      headers: { 'X-API-Key': options.apiKey, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
      timeoutMs: 5_000,
      limit: 65_536,
    });
    if (answer.kind === 'answered') return answer;
    throw new Error(answer.message);
  } finally {
    await dispatcher.close();
  }
}
