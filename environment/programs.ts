import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import type { Settings } from '../domain/settings';
import type { Home } from './home';
import { Component, ComponentFailed } from './process';
import { scriptCommand } from './script';
import { withoutTemporal } from './temporal';

/** Options of node itself. A young generation of 4 MB instead of 16 saves the API 40 MB of memory. */
const nodeOptions = { api: ['--max-semi-space-size=4'], worker: [] } as const;

/** How API and worker processes of an environment are started. */
export interface ProgramOptions {
  readonly home: Home;
  readonly settings: Settings;
  /** Written before; names the store, Temporal and the rest. */
  readonly settingsFile: string;
  /** Whether Temporal's own environment variables hold: only for a Temporal that is not ours. */
  readonly externalTemporal: boolean;
  /** Name of the component; a second worker of the same home has another one. */
  readonly name: string;
  /** Another program than `gatewright` itself to run as, as in `cli/main`. */
  readonly entry?: string;
}

/**
 * Starts an API process and waits until it answers.
 * @throws ComponentFailed
 */
export async function startApi(options: ProgramOptions): Promise<Component> {
  const { host, port } = options.settings.api;
  return await Component.start({
    ...program(options, 'api'),
    probe: async () => {
      const answer = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`its /healthz answers ${answer.status}`);
    },
  });
}

/**
 * Starts a worker process and waits until it polls.
 * @throws ComponentFailed
 */
export async function startWorker(options: ProgramOptions): Promise<Component> {
  const readyFile = options.home.path('run', `${options.name}.ready`);
  rmSync(readyFile, { force: true });
  const { env, ...spec } = program(options, 'worker');
  return await Component.start({
    ...spec,
    env: { ...env, GATEWRIGHT_READY_FILE: readyFile },
    readyTimeoutMs: 30_000,
    probe: async () => {
      if (!existsSync(readyFile)) return await Promise.reject(new Error('it does not poll yet'));
    },
  });
}

/**
 * Runs the program that sets the store up (store-setup.ts) to its end.
 * @returns the id of the installation, which its machines carry as their owner.
 * @throws ComponentFailed with what it says.
 */
export async function setUpStore(settingsFile: string, home: Home, replicaCount: number): Promise<string> {
  const { command, args } = scriptCommand('environment/store-setup');
  const child = spawn(command, [...args, settingsFile, home.directory, String(replicaCount)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let installation = '';
  child.stdout.on('data', (chunk: Buffer) => (installation += chunk.toString()));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code !== 0)
    throw new ComponentFailed(`the store cannot be set up: ${said.trimEnd() || `it ended with ${code ?? signal}`}`);
  return installation.trim();
}

function program({ home, settingsFile, externalTemporal, name, entry }: ProgramOptions, command: 'api' | 'worker') {
  const base = externalTemporal ? process.env : withoutTemporal(process.env);
  const { DATABASE_URL: _, ...env } = base; // the settings have it
  const script = scriptCommand(entry ?? 'cli/main', nodeOptions[command]);
  return {
    name,
    command: script.command,
    args: [...script.args, command],
    env: { ...env, GATEWRIGHT_SETTINGS: settingsFile },
    logFile: home.logFile(name),
  };
}
