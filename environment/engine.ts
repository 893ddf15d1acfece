import Docker from 'dockerode';
import { existsSync } from 'node:fs';
import { containerOptions, label } from '../drivers/cloud/docker/labels';
import type { EngineAddress } from '../drivers/cloud/docker/docker';
import { removeContainer } from '../drivers/cloud/docker/remove';
import { ComponentFailed } from './process';
import { canInstall, ensureSystemPackages, podmanPackages } from './system-packages';

/** Where Docker listens unless told. */
const SOCKET = '/var/run/docker.sock';
const PING_MS = 3_000;
const RUN_MS = 30_000;

/**
 * The container engine that machines can be made in: the one that `DOCKER_HOST` names, else Docker's own socket, else
 * `podman`: one of our own can be started (podman.ts), its packages being there now.
 * @returns undefined where there is none and none can be had without asking.
 * @throws ComponentFailed when `DOCKER_HOST` names an engine that does not answer, or that is on another machine.
 */
export async function findEngine(
  say: (text: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<EngineAddress | 'podman' | undefined> {
  if (env.DOCKER_HOST) {
    const address = dockerHost(env.DOCKER_HOST);
    if (await answers(address)) return address;
    throw new ComponentFailed(`DOCKER_HOST is ${env.DOCKER_HOST}, where no container engine answers`);
  }
  if (existsSync(SOCKET) && (await answers({ socketPath: SOCKET }))) return { socketPath: SOCKET };
  if (process.getuid?.() !== 0) return undefined; // a podman without root has no network of this machine
  if (podmanPackages.every((item) => item.present())) return 'podman';
  if (!canInstall()) return undefined;
  return await ensureSystemPackages(podmanPackages, say).then(
    () => 'podman' as const,
    (error: Error) => {
      say(`there is no container engine: ${error.message}`);
      return undefined;
    },
  );
}

/**
 * Reads `DOCKER_HOST`.
 * @throws ComponentFailed for anything but a socket and a loopback address: machines have addresses of this machine.
 */
export function dockerHost(value: string): EngineAddress {
  const socket = /^unix:\/\/(\/.+)$/.exec(value);
  if (socket) return { socketPath: socket[1]! };
  const tcp = /^tcp:\/\/(127\.[0-9.]+|localhost):([0-9]{1,5})\/?$/.exec(value);
  if (tcp) return { host: tcp[1] === 'localhost' ? '127.0.0.1' : tcp[1]!, port: Number(tcp[2]) };
  throw new ComponentFailed(
    `DOCKER_HOST is ${value}; machines can only be made by an engine on this machine (unix:///... or tcp://127.0.0.1:...)`,
  );
}

/** Destroys every machine that an installation has in somebody's engine, and nothing else in there. */
export async function removeMachines(address: EngineAddress, owner: string): Promise<void> {
  const engine = client(address);
  const filters = { label: [`${label.owner}=${owner}`] };
  const containers = await engine.listContainers({ all: true, filters });
  await Promise.all(containers.map(async ({ Id }) => await removeContainer(engine.getContainer(Id))));
}

/**
 * Runs a container that ends at once: an engine that answers may still not be let do what containers need.
 * @throws ComponentFailed with what the engine says.
 */
export async function mustRunContainers(address: EngineAddress, image: string): Promise<void> {
  const engine = client(address, RUN_MS);
  try {
    const container = await engine.createContainer({ ...containerOptions(image), Cmd: ['/bin/true'] });
    try {
      await container.start();
      const { StatusCode: code } = (await container.wait()) as { StatusCode: number };
      if (code !== 0) throw new Error(`it ended with ${code}`);
    } finally {
      await removeContainer(container);
    }
  } catch (error) {
    throw new ComponentFailed(`the container engine does not run a container: ${(error as Error).message}`);
  }
}

async function answers(address: EngineAddress): Promise<boolean> {
  return await client(address)
    .ping()
    .then(
      () => true,
      () => false,
    );
}

function client(address: EngineAddress, timeout = PING_MS): Docker {
  return new Docker({ ...address, ...('host' in address && { protocol: 'http' as const }), timeout });
}
