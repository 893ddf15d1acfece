import { createSocket } from 'node:dgram';
import type { Description } from './description';
import { readJson, writeJson, type Home } from './home';
import { freePort, requireFree } from './ports';
import { ComponentFailed } from './process';

/** One port of an environment, wherever it stands in the description. */
interface Wanted {
  readonly component: string;
  /** Its key in temporal-dev.yaml. */
  readonly key: string;
  readonly ip: string;
  readonly port: number;
  readonly udp?: boolean;
}

const MACHINES = 'machines fleet.agentPort';

/** The `ip:port` pairs of an environment, every one free a moment ago. */
export interface Ports {
  readonly temporal: number;
  readonly temporalUi: number;
  readonly edges: readonly number[];
  readonly dns: number;
  readonly dnsApi: number;
  readonly agents: readonly { readonly ip: string; readonly port: number }[];
  readonly api: number;
  /** Where the agents on machines serve, every machine on an address of its own. */
  readonly machineAgent: number;
  /** Those of the servers of databases; 0 where there are none. */
  readonly mariadb: number;
  readonly postgresql: number;
}

/**
 * Chooses the ports that the description leaves open, the same as last time where they are free, and makes sure that
 * all can be had.
 * @param embeddedTemporal false when a Temporal of its own is used.
 * @throws ComponentFailed naming the component, the port and the key to change.
 */
export async function choosePorts(home: Home, description: Description, embeddedTemporal: boolean): Promise<Ports> {
  const { temporal, edges, zone, agents, api, fleet, databases } = description;
  const file = home.path('run', 'ports.json');
  const before = readJson<Record<string, number>>(file) ?? {};
  const chosen: Record<string, number> = {};
  const choose = async (wanted: Wanted): Promise<number> => {
    const slot = `${wanted.component} ${wanted.key}`;
    return (chosen[slot] = await onePort(wanted, before[slot]));
  };
  const agentAddresses: { ip: string; port: number }[] = [];
  for (let index = 0; index < agents.count; index++) {
    const ip = following(agents.ip, index);
    const port = await choose({ component: `agent-${index + 1}`, key: 'agents.port', ip, port: agents.port });
    agentAddresses.push({ ip, port });
  }
  const { ip } = temporal;
  const ports: Ports = {
    temporal: embeddedTemporal
      ? await choose({ component: 'Temporal', key: 'temporal.port', ip, port: temporal.port })
      : 0,
    temporalUi: embeddedTemporal
      ? await choose({ component: 'Temporal Web UI', key: 'temporal.uiPort', ip, port: temporal.uiPort })
      : 0,
    edges: await inTurn(edges, async (edge, index) =>
      choose({ component: edge.name, key: `edges.${index}.port`, ip: edge.ip, port: edge.port }),
    ),
    dns: await choose({ component: 'PowerDNS', key: 'zone.dnsPort', ip: '127.0.0.1', port: zone.dnsPort, udp: true }),
    dnsApi: await choose({ component: 'PowerDNS', key: 'zone.apiPort', ip: '127.0.0.1', port: zone.apiPort }),
    agents: agentAddresses,
    api: await choose({ component: 'API', key: 'api.port', ip: api.host, port: api.port }),
    mariadb: databases
      ? await choose({ component: 'MariaDB', key: 'databases.mariadb.port', ip: '127.0.0.1', ...databases.mariadb })
      : 0,
    postgresql: databases
      ? await choose({
          component: 'PostgreSQL',
          key: 'databases.postgresql.port',
          ip: '127.0.0.1',
          ...databases.postgresql,
        })
      : 0,
    // Machines come and go: those of an earlier start may still be there, so only the number is chosen here.
    machineAgent: fleet.agentPort || (before[MACHINES] ?? (await freePort('127.0.0.1'))),
  };
  chosen[MACHINES] = ports.machineAgent;
  writeJson(file, chosen);
  return ports;
}

async function onePort(wanted: Wanted, before: number | undefined): Promise<number> {
  if (wanted.port !== 0) {
    await requireUsable(wanted, wanted.port);
    return wanted.port;
  }
  if (before !== undefined) {
    const again = await requireUsable(wanted, before).then(
      () => true,
      () => false,
    );
    if (again) return before;
  }
  return await freePort(wanted.ip);
}

async function requireUsable(wanted: Wanted, port: number): Promise<void> {
  const remedy = `end what uses it, or set ${wanted.key} in temporal-dev.yaml (a number, or auto)`;
  try {
    await requireFree(wanted.component, wanted.ip, port);
    if (wanted.udp) await requireFreeUdp(wanted.component, wanted.ip, port);
  } catch (error) {
    throw new ComponentFailed(`${(error as Error).message}; ${remedy}`);
  }
}

async function requireFreeUdp(component: string, ip: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ComponentFailed(`${component}: ${ip}:${port}/udp cannot be used (${error.code})`)),
    );
    socket.bind(port, ip, () => socket.close(() => resolve()));
  });
}

/** The address `count` after another one. */
function following(ip: string, count: number): string {
  const number = ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) + count;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

async function inTurn<T, R>(items: readonly T[], each: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) results.push(await each(item, index));
  return results;
}
