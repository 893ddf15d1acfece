import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Component, ComponentFailed } from './process';

/** A podman of our own: its containers are in one directory and nobody else's. */
export interface PodmanOptions {
  /** Its own directory. */
  readonly directory: string;
  /** A store that holds the machine image; only read. */
  readonly imageStore: string;
  readonly logFile: string;
}

/**
 * Where what lives as long as the processes is, one directory for each podman of ours: a socket's path and podman's
 * runroot have to be short (107 and 50 characters), and a home's may be long.
 */
const RUN = '/run/gatewright';
/** Milliseconds that the processes beside a container may stay behind it. */
const MONITOR_MS = 3_000;

function runDirectory(directory: string): string {
  return join(RUN, createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 12));
}

/** Where the engine of {@link startPodman} listens. */
export function podmanAddress(directory: string): { readonly socketPath: string } {
  return { socketPath: join(runDirectory(directory), 's.sock') };
}

/**
 * Starts podman's API service, which speaks Docker's API, and waits until it answers. Its containers are not its
 * children: they run on when it dies and are there when it is started again; {@link endPodman} ends them.
 * @throws ComponentFailed
 */
export async function startPodman(options: PodmanOptions): Promise<Component> {
  const { socketPath } = podmanAddress(options.directory);
  for (const directory of [options.directory, dirname(socketPath)])
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  rmSync(socketPath, { force: true });
  return await Component.start({
    name: 'podman',
    command: 'podman',
    args: [
      ...podmanArgs(options.directory),
      ...['--storage-opt', `additionalimagestore=${options.imageStore}`],
      ...['system', 'service', '--time=0', `unix://${socketPath}`],
    ],
    logFile: options.logFile,
    probe: async () => await connects(socketPath),
  });
}

/** Whether a podman of ours was started here since this machine was, and has not been ended: its containers are there. */
export function hasRun(directory: string): boolean {
  return existsSync(runDirectory(directory));
}

/**
 * Ends all containers of a podman of ours, whose service has ended in whatever way, and lets go of its directory.
 * Does nothing where there never was one.
 * @throws ComponentFailed when a container does not end.
 */
export async function endPodman(directory: string): Promise<void> {
  await endContainers(directory);
  await endMonitors(directory);
  // podman leaves its store bound onto itself, and a directory with a mount in it cannot be removed.
  const overlay = join(directory, 'store', 'overlay');
  if (isMounted(overlay)) await promisify(execFile)('umount', ['--lazy', overlay]);
  rmSync(runDirectory(directory), { recursive: true, force: true });
}

/** The arguments that make a podman use one directory and nothing else of the machine. */
export function podmanArgs(directory: string): string[] {
  const run = runDirectory(directory);
  return [
    ...['--root', join(directory, 'store'), '--runroot', join(run, 'run'), '--tmpdir', join(run, 'tmp')],
    // crun does not start containers where cgroups are half of version 1, and there may be no systemd to ask.
    ...['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
  ];
}

async function endContainers(directory: string): Promise<void> {
  if (!existsSync(join(directory, 'store'))) return;
  const args = [...podmanArgs(directory), 'rm', '--all', '--force', '--time', '0'];
  await promisify(execFile)('podman', args).catch((error: Error & { stderr?: string }) => {
    throw new ComponentFailed(`podman cannot end its containers: ${error.stderr?.trim() || error.message}`);
  });
}

/** Waits for the processes that podman runs beside containers (conmon, its clean-up); kills those that stay. */
async function endMonitors(directory: string): Promise<void> {
  const deadline = Date.now() + MONITOR_MS;
  for (let left = monitors(directory); left.length > 0; left = monitors(directory)) {
    if (Date.now() > deadline) for (const pid of left) killNow(pid);
    await sleep(20);
  }
}

/** The processes whose command line names the store of this very directory; a zombie's is empty. */
function monitors(directory: string): number[] {
  const store = join(directory, 'store');
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => commandLine(pid).some((word) => word === store))
    .map(Number);
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === path.replaceAll(' ', '\\040'));
}

async function connects(socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = createConnection(socketPath, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
