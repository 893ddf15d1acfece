import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerInterceptors } from '@temporalio/worker';
import type { RunPolicy } from '../../domain/run-policy';
import type { Settings } from '../../domain/settings';
import { replicaSecretName } from '../../domain/gateway/agent-protocol';
import type { Placements } from '../../domain/gateway/contract';
import { Edge } from '../../drivers/nginx/edge';
import { writeSecret } from '../../drivers/secrets/files';
import { startAgent, type AgentOptions } from '../../environment/agent/start';
import { startNginx } from '../../environment/nginx';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { migrate } from '../../prisma/migrate';
import { openStore } from '../../prisma/open';
import type { Store } from '../../prisma/store';
import { runWorker, type RunningWorker } from '../../worker/main';
import { TestDns, zoneName } from '../dns/fixture';
import { snapshot, type Snapshot } from './snapshot';
import { testTemporal, type TestTemporal } from './temporal';

/** Durations short enough for tests of failures, long enough for a busy machine. */
export const testPolicy: RunPolicy = {
  stepTimeoutMs: 3_000,
  stepAttempts: 2,
  retryIntervalMs: 20,
  undoAttempts: 5,
  edgeDeadlineMs: 6_000,
  attentionDeadlineMs: 3_600_000,
};

/** For runs one of whose steps never answers: all of its attempts are waited for. */
export const impatientPolicy: RunPolicy = { ...testPolicy, stepTimeoutMs: 1_500, edgeDeadlineMs: 3_000 };

const local: Placements = { store: 'local', dns: 'local', handshake: 'local' };

export interface WorldOptions {
  readonly agents: number;
  readonly edges?: number;
  readonly placements?: Placements;
  readonly policy?: RunPolicy;
  /** A database other than a SQLite file of the world's own. */
  readonly databaseUrl?: string;
  readonly interceptors?: WorkerInterceptors['activity'];
}

interface TestAgentProcess {
  readonly id: string;
  readonly options: AgentOptions;
  component: Component;
}

/** Real components of a test's own: Temporal, nginx edges, PowerDNS, gateway agents, a store, and a worker in this process. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'gw-world-'));
  readonly agents: TestAgentProcess[] = [];
  readonly nginx = new Map<string, Component>();
  temporal!: TestTemporal;
  dns!: TestDns;
  store!: Store;
  settings!: Settings;
  worker: RunningWorker | undefined;

  private constructor(readonly options: WorldOptions) {}

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    const databaseUrl = options.databaseUrl ?? `file:${join(world.directory, 'store.db')}`;
    await Promise.all([
      testTemporal().then((temporal) => (world.temporal = temporal)),
      TestDns.start().then((dns) => (world.dns = dns)),
      migrate(databaseUrl),
    ]);
    world.store = await openStore(databaseUrl);
    world.settings = await world.describe(databaseUrl);
    for (const edge of world.settings.edges) await world.startEdge(edge.name);
    for (let i = 0; i < options.agents; i++) await world.addAgent();
    return world;
  }

  private async describe(databaseUrl: string): Promise<Settings> {
    const edges = [];
    for (let i = 0; i < (this.options.edges ?? 2); i++) {
      const name = `edge-${'abcdef'[i]!}`;
      const httpAddress = `127.0.0.1:${await freePort()}`;
      edges.push({ name, directory: join(this.directory, name), httpAddress, nginx: '/usr/sbin/nginx' });
    }
    const secretsDirectory = join(this.directory, 'secrets');
    mkdirSync(secretsDirectory, { mode: 0o700 });
    return {
      databaseUrl,
      temporal: { address: this.temporal.address, namespace: this.temporal.namespace },
      api: { host: '127.0.0.1', port: 0, rateLimit: 100_000, waitMs: 30_000 },
      zone: {
        name: zoneName,
        apiUrl: this.dns.apiUrl,
        apiKeyFile: join(this.dns.options.directory, 'key'),
        dnsAddress: this.dns.dnsAddress,
        ttl: 60,
      },
      edgeIp: '127.0.0.1',
      edges,
      networks: ['127.0.0.0/8'],
      webhookNetworks: ['127.0.0.0/8'],
      secretsDirectory,
      placements: this.options.placements ?? local,
      policy: this.options.policy ?? testPolicy,
    };
  }

  /** Starts, or starts again, the nginx of an edge. */
  async startEdge(name: string): Promise<void> {
    const settings = this.settings.edges.find((edge) => edge.name === name)!;
    await new Edge(settings).prepare();
    this.nginx.set(name, await startNginx(settings, { logFile: join(this.directory, `${name}.log`) }));
  }

  async addAgent(): Promise<void> {
    const id = randomUUID();
    const secret = randomUUID().replaceAll('-', '');
    await writeSecret(this.settings.secretsDirectory, replicaSecretName(id), secret);
    const secretHash = createHash('sha256').update(secret).digest('hex');
    await this.store.pool.register({ id, name: `replica-${this.agents.length}`, secretHash });
    const options: AgentOptions = {
      replicaId: id,
      address: `127.0.0.1:${await freePort()}`,
      secretFile: join(this.settings.secretsDirectory, replicaSecretName(id)),
      stateFile: join(this.directory, `agent-${id}.json`),
      logFile: join(this.directory, `agent-${id}.log`),
    };
    this.agents.push({ id, options, component: await startAgent(options) });
    await this.store.pool.announce({ id, secretHash, address: options.address, servingEpoch: 0 });
  }

  /** Starts the worker in this process. */
  async startWorker(interceptors = this.options.interceptors ?? []): Promise<void> {
    this.worker = await runWorker(this.settings, { activityInterceptors: interceptors });
  }

  async stopWorker(): Promise<void> {
    this.worker?.shutdown();
    await this.worker?.run;
    this.worker = undefined;
  }

  /** What the components hold, asked of the components. */
  snapshot(): Promise<Snapshot> {
    const agents = this.agents.map(({ id, options }) => ({ id, address: options.address }));
    return snapshot({ settings: this.settings, store: this.store, agents });
  }

  async close(): Promise<void> {
    await this.stopWorker();
    await Promise.all([...this.nginx.values(), ...this.agents.map((agent) => agent.component)].map((c) => c.kill()));
    await this.dns.stop();
    await this.store.close();
    await this.temporal.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
