import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultDeployPolicy, type DeployPolicy } from '../../domain/deploy/states';
import { defaultFleetPolicy } from '../../domain/fleet/policy';
import type { Settings } from '../../domain/settings';
import { searchAttributes } from '../../domain/gateway/contract';
import {
  defaultDescriptionFile,
  parseDescription,
  readDescription,
  withAutoPorts,
} from '../../environment/description';
import { Home } from '../../environment/home';
import { choosePorts } from '../../environment/ports-of-home';
import { ensureIdentities } from '../../environment/identities';
import type { LocalBackend } from '../../environment/local-backend';
import { externalComponents, readSettings, settingsOf, withFleet, writeSettings } from '../../environment/settings';

const text = readFileSync(defaultDescriptionFile(), 'utf8');

describe('the description of the environment', () => {
  test('registers the search attributes that runs carry, with their types', () => {
    const registered = Object.entries(readDescription().temporal.searchAttributes);
    expect(Object.fromEntries(registered.map(([name, type]) => [name, type.toUpperCase()]))).toEqual(searchAttributes);
  });

  test('comments every value', () => {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const values = lines.filter((line) => /^\s+(- )?[\w.]+: \S/.test(line));
    // A value shares a comment with the ones right before it.
    const commented = (line: string): boolean => {
      let index = lines.indexOf(line);
      while (index > 0 && /^\s+(- )?[\w.]+: \S/.test(lines[index]!)) index--;
      return lines[index]!.trim().startsWith('#') || /:$/.test(lines[index]!);
    };
    expect(values.length).toBeGreaterThan(40);
    expect(values.filter((line) => !commented(line))).toEqual([]);
  });

  test.each([
    ['  port: 7233', '  port: seven', 'temporal.port: must be a port (1 to 65535) or auto'],
    ['  port: 7233', '  port: 70000', 'temporal.port: must be a port'],
    ['  ip: 127.0.0.1', '  ip: 0.0.0.0', 'temporal.ip: 0.0.0.0 is not a loopback address'],
    ['  name: gateway.test', '  name: Gateway.Test', 'zone.name: not a host name'],
    ['  - name: edge-a', '  - name: ../edge', 'edges.0.name: must be lower-case letters'],
    ['  - name: edge-b', '  - name: edge-a', 'edges: two edges have the same name'],
    ['  ttl: 30', '  tll: 30', 'zone: Unrecognized key: "tll"'],
    ['gateways: [127.0.2.0/24]', 'gateways: [localhost]', 'networks.gateways.0: not a network'],
    ['  store: local', '  store: remote', 'placements.store: '],
    ['  machines: auto', '  machines: vms', 'fleet.machines: '],
    ['    maxReplicas: 9', '    maxReplica: 9', 'fleet.policy: Unrecognized key: "maxReplica"'],
    ['    healthIntervalMs: 2000', '    healthIntervalMs: 0', 'fleet.policy.healthIntervalMs: '],
    ['    port: 8306', '    port: mysql', 'databases.mariadb.port: must be a port'],
    ['    revertWindowMs: 1800000', '    revertWindow: 1800', 'databases.policy: Unrecognized key: "revertWindow"'],
    ['  stepAttempts: 5', '  stepAttempts: 0', 'policy.stepAttempts: '],
  ])('names the key that is wrong: %s -> %s', (from, to, message) => {
    expect(text).toContain(from);
    expect(() => parseDescription(text.replace(from, to), 'my.yaml')).toThrow(message);
    expect(() => parseDescription(text.replace(from, to), 'my.yaml')).toThrow('my.yaml is not right');
  });

  test('says what is not YAML, and what cannot be read', () => {
    expect(() => parseDescription('temporal: [', 'my.yaml')).toThrow('my.yaml is not YAML');
    expect(() => readDescription('/nowhere/my.yaml')).toThrow('/nowhere/my.yaml cannot be read (ENOENT)');
  });

  test('takes `auto` for a port', () => {
    expect(parseDescription(text.replace('port: 8080', 'port: auto')).api.port).toBe(0);
  });
});

describe('settings', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gw-settings-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const settings = async (env: NodeJS.ProcessEnv) => {
    const home = Home.open(directory);
    const description = withAutoPorts(readDescription());
    const external = externalComponents(env);
    const ports = await choosePorts(home, description, external.temporal === undefined);
    return { home, ports, settings: settingsOf(home, description, ports, external, '/usr/sbin/nginx') };
  };

  test('name the embedded components', async () => {
    const { home, ports, settings: made } = await settings({});
    expect(made.databaseUrl).toBe(`file:${home.path('store.db')}`);
    expect(made.temporal).toEqual({ address: `127.0.0.1:${ports.temporal}`, namespace: 'gatewright' });
    expect(made.edges.map(({ name, httpAddress }) => [name, httpAddress])).toEqual([
      ['edge-a', `127.0.0.1:${ports.edges[0]}`],
      ['edge-b', `127.0.0.1:${ports.edges[1]}`],
    ]);
    expect(
      new Set([...ports.edges, ports.temporal, ports.temporalUi, ports.api, ports.dns, ports.dnsApi]),
    ).not.toContain(0);
  });

  test('of a fleet name its backend, its key file, and whatever the description does not change of its policy', async () => {
    const { home, ports, settings: made } = await settings({});
    const description = readDescription();
    const backend: LocalBackend = {
      settings: { backend: 'docker', regions: ['local'] },
      networks: ['127.32.0.0/11'],
      stop: () => Promise.resolve(),
    };
    const { fleet, networks } = withFleet(made, { home, description, ports, backend });
    expect(networks).toEqual(['127.0.2.0/24', '127.32.0.0/11']);
    const { policy } = description.fleet;
    expect(policy).toEqual({
      ...defaultFleetPolicy,
      ...{ scaleOutDelaysMs: [1_000, 2_000, 5_000, 10_000, 30_000], steadyMs: 5_000 },
      ...{ healthIntervalMs: 2_000, sweepIntervalMs: 60_000 },
    });
    expect(fleet).toEqual({
      keyFile: home.path('secrets', 'installation-key'),
      ...{ agentPort: ports.machineAgent, apiUrl: '', backends: [backend.settings], policy },
    });
    const { installationKey } = ensureIdentities(home, 0);
    expect(installationKey).toMatch(/^[0-9a-f]{64}$/);
    expect(ensureIdentities(home, 0).installationKey).toBe(installationKey);
    expect(statSync(fleet.keyFile).mode & 0o777).toBe(0o600);
  });

  test('of databases name a server of each kind, and whatever the description does not change of their policy', async () => {
    const { ports, settings: made } = await settings({});
    expect(made.databases!.servers.map(({ kind, address }) => [kind, address])).toEqual([
      ['mysql', `127.0.0.1:${ports.mariadb}`],
      ['postgresql', `127.0.0.1:${ports.postgresql}`],
    ]);
    expect([ports.mariadb, ports.postgresql]).not.toContain(0);
    expect(made.databases!.policy).toEqual(defaultDeployPolicy);
    const file = join(directory, 'settings.json');
    writeSettings(file, { ...made, databases: { ...made.databases!, policy: { checkMs: 5 } as DeployPolicy } });
    const read = readSettings({ GATEWRIGHT_SETTINGS: file });
    expect(read.databases!.policy).toEqual({ ...defaultDeployPolicy, checkMs: 5 });
  });

  test('keep the ports of the last start', async () => {
    const first = await settings({});
    expect((await settings({})).ports).toEqual(first.ports);
  });

  test('name a Temporal and a PostgreSQL that somebody else runs', async () => {
    const env = { TEMPORAL_ADDRESS: 'temporal.example:7233', DATABASE_URL: 'postgresql://db.example/gatewright' };
    const { settings: made, ports } = await settings(env);
    expect(made.temporal).toEqual({ address: 'temporal.example:7233', namespace: 'default' });
    expect(made.databaseUrl).toBe(env.DATABASE_URL);
    expect(ports.temporal).toBe(0);
    expect(externalComponents({ ...env, TEMPORAL_NAMESPACE: 'prod' }).temporal?.namespace).toBe('prod');
    expect(() => externalComponents({ DATABASE_URL: 'mysql://db' })).toThrow('DATABASE_URL must be postgresql://');
  });

  test('travel in a file that only its owner reads, under what the environment says', async () => {
    const { settings: made } = await settings({});
    const file = join(directory, 'settings.json');
    writeSettings(file, made);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readSettings({ GATEWRIGHT_SETTINGS: file })).toEqual(made);
    const DATABASE_URL = 'postgresql://other/db';
    expect(readSettings({ GATEWRIGHT_SETTINGS: file, DATABASE_URL })).toEqual({ ...made, databaseUrl: DATABASE_URL });
    expect(() => readSettings({})).toThrow('GATEWRIGHT_SETTINGS must name a settings file');
    expect(() => readSettings({ GATEWRIGHT_SETTINGS: '/nowhere' })).toThrow(
      'the settings file /nowhere cannot be read',
    );
    const fleet = { keyFile: '/key', agentPort: 1, apiUrl: '', backends: [], policy: { drainMs: 7 } };
    writeSettings(file, { ...made, fleet } as unknown as Settings);
    const policy = { ...defaultFleetPolicy, drainMs: 7 };
    expect(readSettings({ GATEWRIGHT_SETTINGS: file }).fleet).toEqual({ ...fleet, policy });
  });
});
