import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Description } from './description';
import { Component } from './process';

/** What a Temporal dev server of the environment is told. */
export interface TemporalOptions {
  /** The Temporal CLI. */
  readonly binary: string;
  readonly ip: string;
  readonly port: number;
  readonly uiPort: number;
  /** SQLite file; a later start on the same one goes on where it was, also after `kill -9`. */
  readonly database: string;
  readonly settings: Pick<
    Description['temporal'],
    'namespace' | 'sqlitePragmas' | 'searchAttributes' | 'dynamicConfig' | 'gogc'
  >;
  readonly logFile: string;
}

/** For a CLI that says nothing when it is ready: milliseconds from listening to being set up. */
const SILENT_MS = 3_000;

/**
 * Starts Temporal's dev server with its namespace and search attributes and waits until it answers.
 * @throws ComponentFailed
 */
export async function startTemporal(options: TemporalOptions): Promise<Component> {
  const { binary, ip, port, uiPort, database, settings, logFile } = options;
  mkdirSync(dirname(database), { recursive: true });
  const logged = existsSync(logFile) ? statSync(logFile).size : 0;
  let listening: number | undefined;
  const pairs = (flag: string, values: object, show: (value: unknown) => string): string[] =>
    Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${show(value)}`]);
  return await Component.start({
    name: 'Temporal',
    command: binary,
    args: [
      ...['server', 'start-dev', '--ip', ip, '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', database, '--namespace', settings.namespace, '--log-level', 'error'],
      ...pairs('--sqlite-pragma', settings.sqlitePragmas, String),
      ...pairs('--search-attribute', settings.searchAttributes, String),
      ...pairs('--dynamic-config-value', settings.dynamicConfig, JSON.stringify),
    ],
    // The person's own Temporal variables are about other servers.
    env: { ...withoutTemporal(process.env), GOGC: String(settings.gogc) },
    logFile,
    probe: async () => {
      await answers(ip, port);
      listening ??= Date.now();
      // It listens before the search attributes are there, and says where it listens after that.
      const said = readFileSync(logFile).subarray(logged).toString();
      if (!said.includes('Server:') && Date.now() < listening + SILENT_MS) throw new Error('it is not set up yet');
    },
  });
}

/** The environment without Temporal's own variables. */
export function withoutTemporal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function answers(ip: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, ip, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
