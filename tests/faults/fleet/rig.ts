import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FleetWorkflow, gatewayWorkflowId, type GatewayLife, type Sweep } from '../../../domain/fleet/contract';
import { shippedProfile, type FleetGateway, type FleetReplica } from '../../../domain/fleet/gateway';
import { defaultFleetPolicy, type FleetPolicy } from '../../../domain/fleet/policy';
import type { Profile } from '../../../domain/fleet/profile';
import { taskQueue } from '../../../domain/gateway/contract';
import type { SweepReport } from '../../../domain/fleet/contract';
import type { Settings } from '../../../domain/settings';
import { Home } from '../../../environment/home';
import type { Component } from '../../../environment/process';
import { startWorker } from '../../../environment/programs';
import { writeSettings } from '../../../environment/settings';
import { migrate } from '../../../prisma/migrate';
import { openStore } from '../../../prisma/open';
import type { Store } from '../../../prisma/store';
import { fleetSettings, gatewayConfiguration } from '../../fleet/support/world';
import { testTemporal, type TestTemporal } from '../../support/temporal';
import type { CrashCloud } from './cloud';
import { Gate, type Point } from './gate';
import { crashProfile } from './profile';

/** A gateway of one replica, of an organization of its own. */
export interface Subject {
  readonly organizationId: string;
  readonly gatewayId: string;
  /** Where its worker is to be killed; nowhere in particular when undefined. */
  readonly point: Point | undefined;
}

/** Opens the cloud of a rig. @param directory for what it keeps. */
export type OpenCloud = (gate: Gate, directory: string) => Promise<CrashCloud>;

/** Nobody is given up who is held while others are on their way to where they will be held. */
const patient: Partial<FleetPolicy> = { machineLookMs: 100, cloudTimeoutMs: 60_000, connectTimeoutMs: 60_000 };

/** A cloud, a store, a Temporal, and a worker process that can be killed wherever a {@link Gate} holds it. */
export class CrashRig {
  private worker: Component | undefined;
  /** How often a worker was killed. */
  workerKills = 0;

  private constructor(
    readonly home: Home,
    readonly gate: Gate,
    readonly cloud: CrashCloud,
    readonly temporal: TestTemporal,
    readonly store: Store,
    readonly settings: Settings,
    /** What its machines carry as their owner. */
    readonly owner: string,
  ) {}

  /** @param change what of the fleet's policy is different; patience for those who are held, unless told. */
  static async start(open: OpenCloud, change: Partial<FleetPolicy> = patient): Promise<CrashRig> {
    const home = Home.open(mkdtempSync(join(tmpdir(), 'gw-crash-')));
    const gate = await Gate.open();
    const cloud = await open(gate, home.directory);
    const temporal = await testTemporal();
    const databaseUrl = `file:${home.path('store.db')}`;
    const keyFile = home.path('secrets', 'installation-key');
    writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    await migrate(databaseUrl);
    const store = await openStore(databaseUrl);
    const policy = { ...defaultFleetPolicy, sweepIntervalMs: 3_600_000, sweepGraceMs: 0, ...change };
    const fleet = { keyFile, agentPort: 8190, apiUrl: '', backends: [cloud.settings], policy };
    const base = fleetSettings({ databaseUrl, temporal, secretsDirectory: home.secrets, fleet });
    // As `gatewright up` has it, but for steps that are held while others get to where they are held.
    const run = { ...base.policy, stepTimeoutMs: 60_000, stepAttempts: 5, retryIntervalMs: 200, undoAttempts: 8 };
    const settings: Settings = { ...base, policy: run };
    const owner = await store.fleet.installation(randomUUID());
    writeSettings(home.path('settings.json'), settings);
    return new CrashRig(home, gate, cloud, temporal, store, settings, owner);
  }

  /** The process that works; undefined when it was killed. */
  get workerPid(): number | undefined {
    return this.worker?.pid;
  }

  /** @param entry another program than the one that passes the gate. */
  async startWorker(entry = 'tests/faults/fleet/gated-worker'): Promise<void> {
    process.env.GATE_PORT = String(this.gate.port);
    this.worker = await startWorker({
      ...{ home: this.home, settings: this.settings, settingsFile: this.home.path('settings.json') },
      ...{ externalTemporal: false, name: 'worker', entry },
    });
  }

  /** kill -9 of the worker. Resolves when there is no such process any more. */
  async killWorker(): Promise<void> {
    const worker = this.worker!;
    this.worker = undefined;
    worker.signal('SIGKILL');
    const how = await worker.ended;
    if (how !== 'was ended by SIGKILL') throw new Error(`the worker was to be killed, but it ${how}`);
    this.workerKills++;
  }

  /** Enters a gateway and tells its workflow, as the API does. @param what of its profile and size is different. */
  async declare(point?: Point, what: { profile?: Profile | null; replicas?: number } = {}): Promise<Subject> {
    const [organizationId, gatewayId] = [randomUUID(), randomUUID()];
    const { fleet } = this.store;
    const { profile = crashProfile(this.gate.port), replicas = 1 } = what;
    const { name, revision } =
      profile === null ? shippedProfile : await fleet.profiles.put(organizationId, profile.name, profile);
    const configuration = gatewayConfiguration({
      ...{ backend: this.cloud.settings.backend, region: this.cloud.region, replicas },
      profile: profile === null ? null : name,
    });
    if (point) this.gate.set(organizationId, point);
    await fleet.gateways.create({
      ...{ id: gatewayId, organizationId, configuration, profile: { name, revision }, actor: null },
    });
    await this.tell({ organizationId, gatewayId });
    return { organizationId, gatewayId, point };
  }

  /** Marks a gateway for deletion and tells its workflow, as the API does. */
  async remove({ organizationId, gatewayId }: Omit<Subject, 'point'>): Promise<void> {
    await this.store.fleet.gateways.markForDeletion(organizationId, gatewayId, { actor: null });
    await this.tell({ organizationId, gatewayId });
  }

  async gateway({ organizationId, gatewayId }: Omit<Subject, 'point'>): Promise<FleetGateway | null> {
    return await this.store.fleet.gateways.get(organizationId, gatewayId);
  }

  /** Its replicas, those that are over included. */
  async replicas({ organizationId, gatewayId }: Omit<Subject, 'point'>): Promise<FleetReplica[]> {
    return await this.store.fleet.replicas.list(organizationId, gatewayId);
  }

  /** What the Schedule does every few minutes. */
  async sweep(): Promise<SweepReport> {
    const input: Sweep = { dryRun: false, policy: this.settings.policy, fleet: this.settings.fleet!.policy };
    return (await this.temporal.client.workflow.execute(FleetWorkflow.sweep, {
      ...{ workflowId: `sweep-${randomUUID()}`, taskQueue, args: [input] },
    })) as SweepReport;
  }

  log(): string {
    return this.home.logFile('worker');
  }

  async close(): Promise<void> {
    await this.worker?.stop();
    await this.gate.close();
    await this.store.close();
    await this.temporal.close();
    await this.cloud.close();
    rmSync(this.home.directory, { recursive: true, force: true });
  }

  /** Has a gateway's workflow look, as whoever changes its row does. */
  async tell({ organizationId, gatewayId }: Omit<Subject, 'point'>): Promise<void> {
    const { policy, fleet } = this.settings;
    const life: GatewayLife = { organizationId, gatewayId, policy, fleet: fleet!.policy };
    await this.temporal.client.workflow.signalWithStart(FleetWorkflow.gateway, {
      ...{ workflowId: gatewayWorkflowId(gatewayId), taskQueue, args: [life], signal: 'look' },
      workflowTaskTimeout: '4s',
    });
  }
}
