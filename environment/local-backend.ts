import { writeFileSync } from 'node:fs';
import type { BackendSettings } from '../domain/settings';
import type { DockerSettings, EngineAddress } from '../drivers/cloud/docker/docker';
import { removeMachines } from './engine';
import type { Home } from './home';
import { ensureImageStore, ensureMachineImage, machineImage } from './machine-image';
import { endPodman, podmanAddress, startPodman } from './podman';
import { freePort } from './ports';
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

/**
 * Brings up what machines are made of: an engine with the machine image, or hosts that are local sshd processes. What an
 * earlier start left running of it is ended.
 * @throws ComponentFailed
 */
export async function startLocalBackend(options: LocalBackendOptions): Promise<LocalBackend> {
  const { engine } = options;
  if (engine === undefined) return await localHosts(options);
  if (engine === 'podman') return await ownPodman(options);
  await ensureMachineImage(engine, options.say);
  const owner = await options.owner;
  await removeMachines(engine, owner);
  return containers(engine, async () => await removeMachines(engine, owner));
}

async function ownPodman({ home, supervisor, say }: LocalBackendOptions): Promise<LocalBackend> {
  const directory = home.path('podman');
  const imageStore = await ensureImageStore(say);
  await endPodman(directory);
  const start = { directory, imageStore, logFile: home.logFile('podman') };
  await supervisor.start('podman', async () => await startPodman(start));
  return containers(podmanAddress(directory), async () => await endPodman(directory));
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
  const hosts: SshHostOptions[] = [];
  for (let number = 1; number <= options.hosts; number++) {
    const [name, ip] = [`host-${number}`, `127.0.3.${number}`];
    const place = { directory: home.path('hosts', name), logFile: home.logFile(name) };
    hosts.push({ name, ip, port: await freePort(ip), authorizedKey, ...place });
  }
  await Promise.all(hosts.map(async (host) => await supervisor.start(host.name, async () => await startSshHost(host))));
  // Its path is part of every lease, so it stays the same from start to start.
  const inventory = home.path('hosts', 'inventory.yaml');
  writeFileSync(inventory, inventoryOf(hosts, localRegion), { mode: 0o600 });
  return {
    settings: { backend: 'static', regions: [localRegion], options: { inventory } },
    networks: [HOSTS],
    stop: async () => {
      // Its hosts are components, which have ended.
    },
  };
}
