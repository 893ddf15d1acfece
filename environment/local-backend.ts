import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendSettings } from '../domain/settings';
import type { DockerSettings, EngineAddress } from '../drivers/cloud/docker/docker';
import { mustRunContainers, removeMachines } from './engine';
import { stopHostAgent } from './host-agent';
import { readJson, writeJson, type Home } from './home';
import { ensureImageStore, ensureMachineImage, machineImage } from './machine-image';
import { endPodman, hasRun, podmanAddress, startPodman } from './podman';
import { freePort, requireFree } from './ports';
import { inventoryOf, startSshHost, type SshHostOptions } from './ssh-hosts';
import type { Supervisor } from './supervisor';
import { ensureSystemPackages, sshHostPackages } from './system-packages';

/** What the machines of a local environment are made of. */
export interface LocalBackendOptions {
  readonly home: Home;
  readonly supervisor: Supervisor;
  readonly say: (text: string) => void;
  /** What {@link findEngine} found; without any, machines are local sshd processes. */
  readonly engine: EngineAddress | 'podman' | undefined;
  /** The id of the installation, whose machines end with the environment. */
  readonly owner: string | Promise<string>;
  /** The installation's public key, one line: local hosts have to know it before they are leased. */
  readonly authorizedKey: string;
  /** How many local hosts there are where there is no engine. */
  readonly hosts: number;
}

/** The one backend of a local environment. */
export interface LocalBackend {
  readonly settings: BackendSettings;
  /** CIDR networks that its machines live in; they belong among the networks of gateways. */
  readonly networks: readonly string[];
  /** Ends its machines; called after its components have ended. */
  stop(): Promise<void>;
}

/** The name that this machine goes by as a region. */
export const localRegion = 'local';

/** Where containers get their addresses: two million of them, and nobody else's by custom. */
const CONTAINERS = '127.32.0.0/11';
const HOSTS = '127.0.3.0/24';
const SSH_PORT = 22_022;
const PODMAN = 'podman';

/**
 * Brings up what machines are made of: an engine with the machine image, or hosts that are local sshd processes. Machines
 * that a start which was killed left run on.
 * @throws ComponentFailed
 */
export async function startLocalBackend(options: LocalBackendOptions): Promise<LocalBackend> {
  const { engine } = options;
  if (engine === undefined) return await localHosts(options);
  if (engine === 'podman') return await ownPodman(options);
  await ensureMachineImage(engine, options.say);
  await mustRunContainers(engine, machineImage);
  const owner = await options.owner;
  return containers(engine, async () => await removeMachines(engine, owner));
}

async function ownPodman({ home, supervisor, say }: LocalBackendOptions): Promise<LocalBackend> {
  const directory = home.path('podman');
  const imageStore = await ensureImageStore(say);
  // What a start that was killed left is gone on with: its containers are the replicas of before.
  if (!hasRun(directory)) await endPodman(directory);
  const start = { directory, imageStore, logFile: home.logFile('podman') };
  const address = podmanAddress(directory);
  try {
    await supervisor.start(PODMAN, async () => await startPodman(start));
    await mustRunContainers(address, machineImage);
  } catch (error) {
    await supervisor.remove(PODMAN);
    // What went wrong is told; a podman that does not run may not end anything, either.
    await endPodman(directory).catch(() => undefined);
    throw error;
  }
  return containers(address, async () => await endPodman(directory));
}

function containers(engine: EngineAddress, stop: () => Promise<void>): LocalBackend {
  const options: DockerSettings = {
    engine,
    image: machineImage,
    region: localRegion,
    addresses: CONTAINERS,
    sshPort: SSH_PORT,
  };
  return {
    settings: { backend: 'docker', regions: [localRegion], options: { ...options } },
    networks: [CONTAINERS],
    stop,
  };
}

async function localHosts(options: LocalBackendOptions): Promise<LocalBackend> {
  const { home, supervisor, say, authorizedKey } = options;
  await ensureSystemPackages(sshHostPackages, say);
  const portFile = home.path('hosts', 'ports.json');
  const ports = readJson<Record<string, number>>(portFile) ?? {};
  const hosts: SshHostOptions[] = [];
  for (let number = 1; number <= options.hosts; number++) {
    const [name, ip] = [`host-${number}`, `127.0.3.${number}`];
    const place = { directory: home.path('hosts', name), logFile: home.logFile(name) };
    // The same as last time: replicas that a start which was killed left are reached there.
    const port = await requireFree(name, ip, ports[name] ?? 0).then(
      () => ports[name],
      () => undefined,
    );
    hosts.push({ name, ip, port: (ports[name] = port ?? (await freePort(ip))), authorizedKey, ...place });
  }
  await Promise.all(hosts.map(async (host) => await supervisor.start(host.name, async () => await startSshHost(host))));
  writeJson(portFile, ports);
  // Its path is part of every lease, so it stays the same from start to start.
  const inventory = home.path('hosts', 'inventory.yaml');
  writeFileSync(inventory, inventoryOf(hosts, localRegion), { mode: 0o600 });
  return {
    settings: { backend: 'static', regions: [localRegion], options: { inventory } },
    networks: [HOSTS],
    // Its hosts are components, which have ended; what they were told to run has not.
    stop: async () =>
      void (await Promise.all(hosts.map(async ({ directory }) => await stopHostAgent(join(directory, 'root'))))),
  };
}
