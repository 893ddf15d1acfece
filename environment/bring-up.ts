import type { Settings } from '../domain/settings';
import { startAgent } from './agent/start';
import { startDatabases } from './databases';
import type { Description } from './description';
import type { Home } from './home';
import type { Identities } from './identities';
import type { LocalBackend } from './local-backend';
import { startMachines } from './machines';
import { startNginx } from './nginx';
import type { Ports } from './ports-of-home';
import { startPowerDns } from './powerdns';
import { setUpStore, startApi, startWorker, type ProgramOptions } from './programs';
import { untilAgentsAnnounced, untilReady } from './readiness';
import { withFleet, writeSettings, type External } from './settings';
import type { Supervisor } from './supervisor';
import { startTemporal } from './temporal';

/** What an environment consists of before anything of it runs. */
export interface Parts {
  readonly home: Home;
  readonly description: Description;
  readonly ports: Ports;
  /** Those of the fleet are in it once its machines' backend is up. */
  settings: Settings;
  /** What machines are made of, once it is up. */
  backend: LocalBackend | undefined;
  readonly identities: Identities;
  readonly external: External;
  /** The Temporal CLI; empty for a Temporal that is not ours. */
  readonly temporalBinary: string;
  readonly supervisor: Supervisor;
  readonly say: (text: string) => void;
  /** Is waited for when everything runs but the agents. */
  readonly beforeAgents: (() => Promise<void>) | undefined;
  /** Another program than `gatewright worker` for the workers. */
  readonly workerEntry: string | undefined;
}

/** Where the settings of the first API and worker are written. */
export function settingsFile(home: Home): string {
  return home.path('run', 'settings.json');
}

/** The base URL of an environment's API. */
export function apiUrl({ settings }: Pick<Parts, 'settings'>): string {
  return `http://${settings.api.host}:${settings.api.port}`;
}

/** How an API or a worker of the environment is started. */
export function program(parts: Parts, kind: 'api' | 'worker', name: string): ProgramOptions {
  const { home, settings, external, workerEntry } = parts;
  return {
    ...{ home, settings, settingsFile: settingsFile(home), name, externalTemporal: external.temporal !== undefined },
    ...(kind === 'worker' && workerEntry !== undefined && { entry: workerEntry }),
  };
}

/**
 * Starts everything: first what keeps state, side by side; then who works with it; then the agents, which tell the API
 * that they are there.
 * @throws ComponentFailed of the first that does not come up, when the others have or have not.
 */
export async function bringUp(parts: Parts): Promise<void> {
  const { home, identities, supervisor, say } = parts;
  writeSettings(settingsFile(home), parts.settings);
  const store = bringUpStore(parts);
  const state = [bringUpTemporal(parts), bringUpDns(parts), ...bringUpEdges(parts)];
  await allOf([store, ...state, ...startDatabases(parts), bringUpMachines(parts, store)]);
  await allOf([bringUpWorker(parts), bringUpApi(parts)]);
  await untilReady(apiUrl(parts));
  await parts.beforeAgents?.();
  await allOf(bringUpAgents(parts));
  await untilAgentsAnnounced(apiUrl(parts), identities);
  say(`${supervisor.names.filter((name) => name.startsWith('agent-')).length} gateway agents: announced`);
}

async function bringUpTemporal(parts: Parts): Promise<void> {
  const { home, description, ports, settings, external, supervisor, say } = parts;
  if (external.temporal) {
    // Loaded only here: a gRPC client costs 40 MB.
    const { registerSearchAttributes } = require('./external-temporal') as typeof import('./external-temporal');
    await registerSearchAttributes(settings.temporal, description.temporal.searchAttributes);
    say(`Temporal: ${settings.temporal.address} (TEMPORAL_ADDRESS)`);
    return;
  }
  const { ip, database } = description.temporal;
  const options = {
    ...{ binary: parts.temporalBinary, ip, port: ports.temporal, uiPort: ports.temporalUi },
    ...{ database: home.path(database), settings: description.temporal, logFile: home.logFile('temporal') },
  };
  await supervisor.start('temporal', async () => await startTemporal(options));
  say(`Temporal: ${settings.temporal.address}, Web UI http://${ip}:${ports.temporalUi}`);
}

async function bringUpStore({ home, settings, identities, external, say }: Parts): Promise<string> {
  const installation = await setUpStore(settingsFile(home), home, identities.replicas.length);
  say(`store: ${external.databaseUrl ? 'PostgreSQL (DATABASE_URL)' : settings.databaseUrl}, migrated`);
  return installation;
}

async function bringUpMachines(parts: Parts, installation: Promise<string>): Promise<void> {
  const { home, description, ports } = parts;
  const backend = await startMachines({ ...parts, installation });
  if (!backend) return;
  parts.backend = backend;
  parts.settings = withFleet(parts.settings, { home, description, ports, backend });
  writeSettings(settingsFile(home), parts.settings);
}

async function bringUpDns({ home, ports, settings, identities, supervisor, say }: Parts): Promise<void> {
  const options = {
    ...{ directory: home.path('powerdns'), zone: settings.zone.name, apiKey: identities.dnsApiKey },
    ...{ apiPort: ports.dnsApi, dnsPort: ports.dns, logFile: home.logFile('powerdns') },
  };
  await supervisor.start('powerdns', async () => await startPowerDns(options));
  say(`PowerDNS: ${settings.zone.dnsAddress}, zone ${settings.zone.name}`);
}

function bringUpEdges({ home, settings, supervisor, say }: Parts): Promise<void>[] {
  return settings.edges.map(async (edge) => {
    await supervisor.start(edge.name, async () => await startNginx(edge, { logFile: home.logFile(edge.name) }));
    say(`nginx edge ${edge.name}: http://${edge.httpAddress}`);
  });
}

async function bringUpWorker(parts: Parts): Promise<void> {
  await parts.supervisor.start('worker', async () => await startWorker(program(parts, 'worker', 'worker')));
  parts.say('worker: polling');
}

async function bringUpApi(parts: Parts): Promise<void> {
  await parts.supervisor.start('api', async () => await startApi(program(parts, 'api', 'api')));
  parts.say(`API: ${apiUrl(parts)}`);
}

function bringUpAgents(parts: Parts): Promise<void>[] {
  const { home, identities, ports, supervisor } = parts;
  return identities.replicas.map(async ({ id, name, secretFile }, index) => {
    const { ip, port } = ports.agents[index]!;
    const options = {
      ...{ replicaId: id, address: `${ip}:${port}`, secretFile, apiUrl: apiUrl(parts) },
      ...{ stateFile: home.path('agents', `${id}.json`), logFile: home.logFile(name) },
    };
    await supervisor.start(name, async () => await startAgent(options));
  });
}

/** Waits for all, also when one has failed, so that nothing is still coming up when the others are ended. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
