import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { WorkerInterceptors, WorkerOptions } from '@temporalio/worker';
import type { DeployPorts } from '../../../activities/deploy/ports';
import {
  DeployWorkflow,
  requestRunId,
  type DeployLife,
  type DeploymentNow,
  type DeploySignal,
  type RequestRef,
  type Told,
} from '../../../domain/deploy/contract';
import { defaultDatabaseSettings, type BranchRecord, type DatabaseRecord } from '../../../domain/deploy/database';
import type { DatabaseSettings } from '../../../domain/deploy/database';
import type { DeployRequest } from '../../../domain/deploy/request';
import { defaultDeployPolicy, type DeploymentState, type DeployPolicy } from '../../../domain/deploy/states';
import { taskQueue } from '../../../domain/gateway/contract';
import type { RunPolicy } from '../../../domain/run-policy';
import type { Settings } from '../../../domain/settings';
import { writeSecret } from '../../../drivers/secrets/files';
import { migrate } from '../../../prisma/migrate';
import { openStore } from '../../../prisma/open';
import type { Store } from '../../../prisma/store';
import { runWorker, type RunningWorker } from '../../../worker/main';
import { eventually } from '../../support/eventually';
import { testTemporal, type TestTemporal } from '../../support/temporal';
import { testPolicy } from '../../support/world';
import type { Target } from './targets';

/** Durations short enough for tests. */
export const testDeployPolicy: DeployPolicy = { ...defaultDeployPolicy, cutoverMs: 3_000, revertWindowMs: 60_000 };

/** The secret that holds the URL of a test's server. */
export const SERVER = 'database-test';

/** A server, and the secret that holds its URL. */
export interface Place {
  readonly target: Target;
  readonly server: string;
}

/** Deploy requests on a real Temporal, a real store and a real database server. */
export class DeployWorld {
  readonly organizationId = randomUUID();
  private worker: RunningWorker | undefined;

  private constructor(
    readonly directory: string,
    readonly temporal: TestTemporal,
    readonly store: Store,
    readonly settings: Settings,
    readonly target: Target,
    private readonly deploy: DeployPolicy,
  ) {}

  /** @param historyEvents after which a workflow goes on with a new history; as many as always, unless told. */
  static async start(
    target: Target,
    deploy: DeployPolicy = testDeployPolicy,
    historyEvents?: number,
  ): Promise<DeployWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-deploy-'));
    const databaseUrl = `file:${join(directory, 'store.db')}`;
    const temporal = await testTemporal(
      historyEvents === undefined ? {} : { 'limit.historyCount.suggestContinueAsNew': historyEvents },
    );
    await migrate(databaseUrl);
    await writeSecret(directory, SERVER, target.url);
    const settings = deploySettings(directory, databaseUrl, temporal, { ...testPolicy, historyEvents });
    return new DeployWorld(directory, temporal, await openStore(databaseUrl), settings, target, deploy);
  }

  async startWorker(
    interceptors: WorkerInterceptors['activity'] = [],
    deploys?: (ports: DeployPorts) => DeployPorts,
    options: Partial<WorkerOptions> = {},
  ): Promise<void> {
    this.worker = await runWorker(this.settings, {
      activityInterceptors: interceptors,
      options,
      ...(deploys && { deploys }),
    });
  }

  async stopWorker(): Promise<void> {
    this.worker?.shutdown();
    await this.worker?.run;
    this.worker = undefined;
  }

  /** A database whose first branch is an adopted schema of what the statements make. */
  async database(
    statements: readonly string[],
    settings: Partial<DatabaseSettings> = {},
    { target, server }: Place = { target: this.target, server: SERVER },
  ): Promise<DatabaseRecord> {
    const id = randomUUID();
    const schema = `d${id.replaceAll('-', '').slice(0, 12)}`;
    await target.make(schema, statements);
    const main = { id: randomUUID(), name: 'main', parent: null, schema, adopted: true } as const;
    const made = await this.store.deploys.databases.create({
      ...{ id, organizationId: this.organizationId, name: `shop-${id.slice(0, 8)}`, kind: target.kind },
      ...{ server, settings: { ...defaultDatabaseSettings, ...settings }, notes: '' },
      branch: { ...main, production: true, safeMigrations: true, createdBy: 'test' },
    });
    return await this.store.deploys.databases.update(this.organizationId, made.id, { state: 'ready' });
  }

  async branchNamed(database: DatabaseRecord, name: string): Promise<BranchRecord> {
    return (await this.store.deploys.branches.named(this.organizationId, database.id, name))!;
  }

  /** A branch of the first one, with what it began with, changed by statements. */
  async branch(
    database: DatabaseRecord,
    name: string,
    changes: readonly string[],
    target = this.target,
  ): Promise<BranchRecord> {
    const main = await this.branchNamed(database, 'main');
    const id = randomUUID();
    const schema = `b${id.replaceAll('-', '').slice(0, 12)}`;
    const { branches } = this.store.deploys;
    await branches.create(this.organizationId, database.id, {
      ...{ id, name, parent: 'main', schema, adopted: false },
      ...{ production: false, safeMigrations: false, createdBy: 'test' },
    });
    const base = await target.fork(main.schema, schema);
    await branches.setBase(this.organizationId, database.id, id, JSON.stringify(base));
    await target.run(schema, changes);
    return await branches.update(this.organizationId, database.id, id, { state: 'ready' });
  }

  async open(
    database: DatabaseRecord,
    branch: BranchRecord,
    options: Partial<Pick<DeployRequest['deployment'], 'autoCutover' | 'autoDeleteBranch' | 'throttle'>> = {},
    policy: Partial<DeployPolicy> = {},
  ): Promise<Opened> {
    const main = await this.branchNamed(database, 'main');
    const request = await this.store.deploys.requests.open({
      ...{ id: randomUUID(), organizationId: this.organizationId, databaseId: database.id },
      ...{ branchId: branch.id, branch: branch.name, intoBranchId: main.id, intoBranch: 'main' },
      ...{ notes: '', actor: 'test', autoCutover: false, autoDeleteBranch: false, throttle: 0 },
      ...options,
    });
    const { id: requestId, number } = request;
    const ref: RequestRef = { organizationId: this.organizationId, databaseId: database.id, requestId, number };
    const deploy = { ...this.deploy, ...policy };
    return await this.begin({ ...ref, intoBranchId: main.id, policy: this.settings.policy, deploy });
  }

  /** Begins the workflow of a request. */
  async begin(life: DeployLife): Promise<Opened> {
    const handle = await this.temporal.client.workflow.start(DeployWorkflow.request, {
      ...{ workflowId: requestRunId(life), taskQueue, args: [life], workflowTaskTimeout: '4s' },
    });
    const { organizationId, databaseId, requestId, number } = life;
    return new Opened(this, { organizationId, databaseId, requestId, number }, handle, life);
  }

  async close(): Promise<void> {
    await this.stopWorker();
    await this.store.close();
    await this.temporal.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A request and the workflow of it. */
export class Opened {
  constructor(
    private readonly world: DeployWorld,
    readonly ref: RequestRef,
    readonly handle: WorkflowHandle,
    readonly life: DeployLife,
  ) {}

  async tell(signal: DeploySignal, told: Partial<Told> = {}): Promise<DeploymentNow> {
    return await this.handle.executeUpdate<DeploymentNow, [Told]>(signal, { args: [{ by: 'me', ...told }] });
  }

  /** Begins its workflow once more, after it was lost. */
  async again(): Promise<Opened> {
    return await this.world.begin(this.life);
  }

  async read(): Promise<DeployRequest> {
    return (await this.world.store.deploys.requests.byId(this.ref.organizationId, this.ref.requestId))!;
  }

  async reaches(state: DeploymentState, deadlineMs = 30_000): Promise<DeployRequest> {
    return await eventually(async () => {
      const request = await this.read();
      if (request.deployment.state !== state)
        throw new Error(`it is ${request.deployment.state}: ${request.deployment.error?.message ?? ''}`);
      return request;
    }, deadlineMs);
  }
}

function deploySettings(
  directory: string,
  databaseUrl: string,
  { address, namespace }: TestTemporal,
  policy: RunPolicy,
): Settings {
  return {
    ...{ databaseUrl, temporal: { address, namespace }, secretsDirectory: directory },
    api: { host: '127.0.0.1', port: 0, rateLimit: 100_000, waitMs: 30_000 },
    zone: {
      ...{ name: 'gateway.test', apiUrl: 'http://127.0.0.1:1', apiKeyFile: join(directory, 'none') },
      ...{ dnsAddress: '127.0.0.1:1', ttl: 60 },
    },
    ...{ edgeIp: '127.0.0.1', edges: [], networks: ['127.0.0.0/8'], webhookNetworks: [] },
    placements: { store: 'local', dns: 'local', handshake: 'local' },
    policy,
  };
}
