import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgeSettings } from '../domain/settings';
import { Edge } from '../drivers/nginx/edge';
import { Component } from './process';

/** Milliseconds that what a killed predecessor left running may take to end. */
const REAP_MS = 5_000;

/**
 * Starts the nginx of an edge in the foreground, on whatever generation its directory holds (generation 0, without any
 * host, where it holds none). Its working directory is the edge's: the generation endpoint's socket is named from there.
 *
 * A master that was killed leaves workers that go on serving and hold the port, and a socket file that no nginx can bind
 * again: both are cleared away first.
 * @param options.logFile - gets stdout and stderr; nginx's own log is `logs/error.log` in the edge's directory.
 * @throws ComponentFailed with the end of the log; Failure EDGE_CONFIG_REFUSED when its files cannot be made.
 */
export async function startNginx(settings: EdgeSettings, options: { readonly logFile: string }): Promise<Component> {
  const edge = new Edge(settings);
  await edge.prepare();
  await reapNginx(edge);
  return await Component.start({
    name: `nginx of edge ${edge.name}`,
    command: settings.nginx,
    args: ['-p', `${edge.directory}/`, '-e', 'logs/error.log', '-c', 'nginx.conf'],
    cwd: edge.directory,
    logFile: options.logFile,
    probe: async () => {
      const presence = await edge.presence();
      if (presence.state !== 'up') throw new Error(presence.reason);
    },
  });
}

/**
 * Ends what is left of an edge's earlier nginx: the processes that /proc proves to be of its directory, and the socket.
 * @throws Error when one of them does not end.
 */
export async function reapNginx(edge: Edge): Promise<void> {
  const deadline = Date.now() + REAP_MS;
  for (let left = edge.processes.all(); left.length > 0; left = edge.processes.all()) {
    if (Date.now() > deadline) {
      throw new Error(
        `an earlier nginx of edge ${edge.name} does not end (pid ${left.map(({ pid }) => pid).join(', ')})`,
      );
    }
    for (const { pid } of left) endNow(pid);
    await sleep(10);
  }
  const presence = await edge.presence();
  if (presence.state === 'up') throw new Error(`pid ${presence.pid} holds ${edge.socketPath} and cannot be ended`);
  rmSync(join(edge.directory, 'run/generation.sock'), { force: true });
}

/** Ends a process that was looked up this moment. */
function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
