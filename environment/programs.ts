import { existsSync, rmSync } from 'node:fs';
import type { Settings } from '../domain/settings';
import type { Home } from './home';
import { Component } from './process';
import { scriptCommand } from './script';
import { withoutTemporal } from './temporal';

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

function program({ home, settingsFile, externalTemporal, name, entry }: ProgramOptions, command: 'api' | 'worker') {
  const base = externalTemporal ? process.env : withoutTemporal(process.env);
  const { DATABASE_URL: _, ...env } = base; // the settings have it
  const script = scriptCommand(entry ?? 'cli/main');
  return {
    name,
    command: script.command,
    args: [...script.args, command],
    env: { ...env, GATEWRIGHT_SETTINGS: settingsFile },
    logFile: home.logFile(name),
  };
}
