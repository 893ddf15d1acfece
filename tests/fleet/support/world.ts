import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerInterceptors } from '@temporalio/worker';
import { FleetWorkflow, gatewayWorkflowId, replicaWorkflowId, type GatewayLife } from '../../../domain/fleet/contract';
import {
  shippedProfile,
  type FleetGateway,
  type FleetReplica,
  type GatewayConfiguration,
} from '../../../domain/fleet/gateway';
import { isLive } from '../../../domain/fleet/lifecycle';
import { defaultFleetPolicy, type FleetPolicy } from '../../../domain/fleet/policy';
import { taskQueue } from '../../../domain/gateway/contract';
import type { FleetSettings, Settings } from '../../../domain/settings';
import { migrate } from '../../../prisma/migrate';
import { openStore } from '../../../prisma/open';
import type { Store } from '../../../prisma/store';
import { runWorker, type RunningWorker } from '../../../worker/main';
import { testTemporal, type TestTemporal } from '../../support/temporal';
import { testPolicy, type World } from '../../support/world';
import { FakeCloud } from './fake-cloud';
import { FakeHosts } from './fake-hosts';

/** Durations short enough for tests. */
export const testFleetPolicy: FleetPolicy = {
  ...defaultFleetPolicy,
  scaleOutDelaysMs: [100, 200],
  scaleOutAttempts: 3,
  steadyMs: 500,
  heldLookMs: 50,
  cloudTimeoutMs: 5_000,
  addressDeadlineMs: 5_000,
  machineLookMs: 20,
  connectAttempts: 5,
  connectTimeoutMs: 2_000,
  connectIntervalMs: 20,
  connectMaxIntervalMs: 100,
  configureDeadlineMs: 10_000,
  healthyDeadlineMs: 5_000,
  healthIntervalMs: 50,
  healthFailures: 2,
  drainMs: 200,
  goneDeadlineMs: 5_000,
  sweepIntervalMs: 3_600_000,
  sweepGraceMs: 0,
};

export const region = 'here';

/** Settings of a worker that has a fleet and no edge. */
export function fleetSettings({
  temporal: { address, namespace },
  fleet,
  ...rest
}: Pick<Settings, 'databaseUrl' | 'temporal' | 'secretsDirectory'> & { readonly fleet: FleetSettings }): Settings {
  return {
    ...{ ...rest, fleet, temporal: { address, namespace } },
    api: { host: '127.0.0.1', port: 0, rateLimit: 100_000, waitMs: 30_000 },
    zone: {
      name: 'gateway.test',
      apiUrl: 'http://127.0.0.1:1',
      apiKeyFile: fleet.keyFile,
      dnsAddress: '127.0.0.1:1',
      ttl: 60,
    },
    edgeIp: '127.0.0.1',
    edges: [],
    networks: ['127.0.0.0/8'],
    webhookNetworks: [],
    placements: { store: 'local', dns: 'local', handshake: 'local' },
    policy: testPolicy,
  };
}

/** What a team declares, as far as a test says. */
export function gatewayConfiguration(
  change: Partial<GatewayConfiguration> & Pick<GatewayConfiguration, 'backend' | 'region'>,
): GatewayConfiguration {
  return {
    type: 'gateway',
    name: `edge-${randomUUID().slice(0, 8)}`,
    default: false,
    instanceType: null,
    domain: null,
    publicIp: true,
    certificate: null,
    replicas: 1,
    tags: null,
    profile: null,
    ...change,
  };
}

/** The lives of gateways and replicas on a real Temporal and a real store, over a cloud and machines in memory. */
export class FleetWorld {
  readonly cloud = new FakeCloud();
  readonly organizationId = randomUUID();
  private worker: RunningWorker | undefined;

  private constructor(
    private readonly directory: string,
    readonly temporal: TestTemporal,
    readonly store: Store,
    readonly settings: Settings,
    readonly hosts: FakeHosts,
  ) {}

  /** In a world that has edges, DNS and a worker's settings already; closing it closes that, too. */
  static over(world: World, hosts: FakeHosts, fleet: FleetSettings): FleetWorld {
    world.settings = { ...world.settings, fleet };
    const close = (): Promise<void> => world.close();
    return new FleetWorld(world.directory, { ...world.temporal, close }, world.store, world.settings, hosts);
  }

  static async start(policy: FleetPolicy = testFleetPolicy): Promise<FleetWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-fleet-'));
    const databaseUrl = `file:${join(directory, 'store.db')}`;
    const keyFile = join(directory, 'installation-key');
    writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    const temporal = await testTemporal();
    await migrate(databaseUrl);
    const fleet: FleetSettings = { keyFile, agentPort: 8190, apiUrl: '', backends: [], policy };
    const settings = fleetSettings({ databaseUrl, temporal, secretsDirectory: directory, fleet });
    return new FleetWorld(directory, temporal, await openStore(databaseUrl), settings, new FakeHosts());
  }

  get policy(): FleetPolicy {
    return this.settings.fleet!.policy;
  }

  async startWorker(interceptors: WorkerInterceptors['activity'] = []): Promise<void> {
    this.worker = await runWorker(this.settings, {
      activityInterceptors: interceptors,
      fleet: (ports) => ({
        ...ports,
        clouds: new Map([[this.cloud.backend, this.cloud]]),
        hosts: this.hosts,
        backendFacts: (backend, where) => ({
          available: backend === this.cloud.backend && where === region,
          loadBalancer: false,
        }),
      }),
    });
  }

  async stopWorker(): Promise<void> {
    this.worker?.shutdown();
    await this.worker?.run;
    this.worker = undefined;
  }

  /** Enters a gateway and tells its workflow, as the API does. */
  async create(change: Partial<GatewayConfiguration> = {}): Promise<FleetGateway> {
    const configuration = gatewayConfiguration({ backend: this.cloud.backend, region, ...change });
    const { organizationId } = this;
    const created = await this.store.fleet.gateways.create({
      ...{ id: randomUUID(), organizationId, configuration, profile: shippedProfile, actor: null },
    });
    await this.tell(created.id);
    return created;
  }

  async tell(gatewayId: string): Promise<void> {
    const life: GatewayLife = {
      ...{ organizationId: this.organizationId, gatewayId, policy: this.settings.policy, fleet: this.policy },
    };
    await this.temporal.client.workflow.signalWithStart(FleetWorkflow.gateway, {
      ...{
        workflowId: gatewayWorkflowId(gatewayId),
        taskQueue,
        args: [life],
        signal: 'look',
        workflowTaskTimeout: '4s',
      },
    });
  }

  async tellReplica(replicaId: string): Promise<void> {
    await this.temporal.client.workflow.getHandle(replicaWorkflowId(replicaId)).signal('look');
  }

  async gateway({ id }: { id: string }): Promise<FleetGateway | null> {
    return await this.store.fleet.gateways.get(this.organizationId, id);
  }

  async replicas({ id }: { id: string }): Promise<FleetReplica[]> {
    return await this.store.fleet.replicas.list(this.organizationId, id);
  }

  async live(gateway: { id: string }): Promise<FleetReplica[]> {
    return (await this.replicas(gateway)).filter(isLive);
  }

  /** The messages of a gateway and its replicas, oldest first. */
  async messages({ id }: { id: string }): Promise<string[]> {
    const page = await this.store.fleet.events.page({
      organizationId: this.organizationId,
      within: [id],
      limit: 1_000,
    });
    return page.map(({ message }) => message);
  }

  async remove({ id }: { id: string }): Promise<void> {
    await this.store.fleet.gateways.markForDeletion(this.organizationId, id, { actor: null });
    await this.tell(id);
  }

  async close(): Promise<void> {
    await this.stopWorker();
    await this.store.close();
    await this.temporal.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
