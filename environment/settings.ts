import { readFileSync } from 'node:fs';
import { defaultDeployPolicy } from '../domain/deploy/states';
import { defaultFleetPolicy } from '../domain/fleet/policy';
import type { FleetSettings, Settings } from '../domain/settings';
import { databasesOf } from './databases';
import type { Description } from './description';
import type { Home } from './home';
import { writeJson } from './home';
import type { LocalBackend } from './local-backend';
import type { Ports } from './ports-of-home';
import { ComponentFailed } from './process';

/** The components that somebody else runs, as the process's environment names them. */
export interface External {
  /** `TEMPORAL_ADDRESS`, with `TEMPORAL_NAMESPACE` or Temporal's `default`. */
  readonly temporal?: { readonly address: string; readonly namespace: string };
  /** `DATABASE_URL`. */
  readonly databaseUrl?: string;
}

/** What the settings of a fleet are made from. */
interface FleetParts {
  readonly home: Home;
  readonly description: Description;
  readonly ports: Ports;
  readonly backend: LocalBackend;
}

/** Reads what replaces embedded components. @throws ComponentFailed for a database that is not PostgreSQL. */
export function externalComponents(env: NodeJS.ProcessEnv): External {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, DATABASE_URL: databaseUrl } = env;
  if (databaseUrl && !/^postgres(ql)?:\/\//.test(databaseUrl))
    throw new ComponentFailed('DATABASE_URL must be postgresql://...; without it a SQLite file is used');
  return {
    temporal: address ? { address, namespace: namespace || 'default' } : undefined,
    databaseUrl: databaseUrl || undefined,
  };
}

/** Where the parts of an environment keep their files. */
export function edgeDirectory(home: Home, name: string): string {
  return home.path('edges', name);
}

/** The file that holds PowerDNS's API key. */
export function dnsKeyFile(home: Home): string {
  return home.path('secrets', 'powerdns-api-key');
}

/** The file that holds the installation's key, from which the secrets of its machines follow. */
export function installationKeyFile(home: Home): string {
  return home.path('secrets', 'installation-key');
}

/** What the API and the workers of an environment are told, as far as it is known before there are machines. */
export function settingsOf(
  home: Home,
  description: Description,
  ports: Ports,
  external: External,
  nginx: string,
): Settings {
  const { temporal, store, edges, zone, api, networks, policy, placements } = description;
  return {
    databaseUrl: external.databaseUrl ?? `file:${home.path(store.database)}`,
    temporal: external.temporal ?? { address: `${temporal.ip}:${ports.temporal}`, namespace: temporal.namespace },
    api: { host: api.host, port: ports.api, rateLimit: api.rateLimit, waitMs: api.waitMs },
    zone: {
      name: zone.name,
      apiUrl: `http://127.0.0.1:${ports.dnsApi}`,
      apiKeyFile: dnsKeyFile(home),
      dnsAddress: `127.0.0.1:${ports.dns}`,
      ttl: zone.ttl,
    },
    edgeIp: edges[0]!.ip,
    edges: edges.map(({ name, ip }, index) => ({
      name,
      directory: edgeDirectory(home, name),
      httpAddress: `${ip}:${ports.edges[index]}`,
      nginx,
    })),
    networks: networks.gateways,
    webhookNetworks: networks.webhooks,
    secretsDirectory: home.secrets,
    placements,
    policy,
    databases: databasesOf(description, ports, home),
  };
}

/** Settings with what the machines of a fleet are made of. */
export function withFleet(
  settings: Settings,
  { home, description, ports, backend }: FleetParts,
): Settings & { readonly fleet: FleetSettings } {
  return {
    ...settings,
    networks: [...settings.networks, ...backend.networks],
    fleet: {
      keyFile: installationKeyFile(home),
      agentPort: ports.machineAgent,
      // A replica joins the pool when its run has seen it healthy; its agent need not tell that it is there.
      apiUrl: '',
      backends: [backend.settings],
      policy: description.fleet.policy,
    },
  };
}

/** Hands settings to API and worker processes. The file is `0600`: a database URL may hold a password. */
export function writeSettings(file: string, settings: Settings): void {
  writeJson(file, settings);
}

/**
 * The settings of this process: the file that `GATEWRIGHT_SETTINGS` names, with `DATABASE_URL`, `TEMPORAL_ADDRESS` and
 * `TEMPORAL_NAMESPACE` on top.
 * @throws ComponentFailed when it cannot be read.
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const file = env.GATEWRIGHT_SETTINGS;
  if (!file)
    throw new ComponentFailed(
      'GATEWRIGHT_SETTINGS must name a settings file; `gatewright up` writes HOME/run/settings.json',
    );
  let settings: Settings;
  try {
    settings = JSON.parse(readFileSync(file, 'utf8')) as Settings;
  } catch (error) {
    throw new ComponentFailed(`the settings file ${file} cannot be read: ${(error as Error).message}`);
  }
  const { temporal, databaseUrl } = externalComponents(env);
  // What is not said of a policy is as it was shipped, also where a version knows more of it than the file.
  const fleet = settings.fleet && { ...settings.fleet, policy: { ...defaultFleetPolicy, ...settings.fleet.policy } };
  const { databases: told } = settings;
  const databases = told && { ...told, policy: { ...defaultDeployPolicy, ...told.policy } };
  return {
    ...settings,
    ...(fleet && { fleet }),
    ...(databases && { databases }),
    temporal: temporal ?? settings.temporal,
    databaseUrl: databaseUrl ?? settings.databaseUrl,
  };
}
