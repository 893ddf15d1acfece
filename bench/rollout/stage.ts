import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseRecord } from '../../domain/deploy/database';
import { defaultRolloutSettings, type RolloutSettings } from '../../domain/rollout/apply';
import { writeJson } from '../../environment/home';
import { Component } from '../../environment/process';
import { scriptCommand } from '../../environment/script';
import type { Target } from '../../tests/deploy/support/targets';
import { DeployWorld, SERVER, testDeployPolicy, type Opened } from '../../tests/deploy/support/world';
import { branchPrefix, modelOf } from './fake-engine';

/** A store, a Temporal, and a worker process whose database servers are in its memory. */
export class RolloutStage {
  private constructor(
    readonly world: DeployWorld,
    private readonly directory: string,
    private readonly worker: Component,
  ) {}

  static async start(): Promise<RolloutStage> {
    const nothing = async (): Promise<void> => await Promise.resolve();
    // Everything that a target does to a server that is not there.
    const target = {
      ...{ kind: 'mysql', url: 'mysql://nobody@127.0.0.1:1/', make: nothing, run: nothing },
      fork: async () => await Promise.resolve(modelOf('int(11)')),
    } as unknown as Target;
    const world = await DeployWorld.start(target, testDeployPolicy);
    const directory = mkdtempSync(join(tmpdir(), 'gw-bench-rollout-'));
    const settingsFile = join(directory, 'settings.json');
    const readyFile = join(directory, 'worker.ready');
    // As `gatewright up` has it: a busy machine is no failure.
    const policy = { ...world.settings.policy, stepTimeoutMs: 60_000 };
    writeJson(settingsFile, { ...world.settings, policy });
    const { command, args } = scriptCommand('bench/rollout/fake-worker');
    const worker = await Component.start({
      ...{ name: 'worker', command, args, logFile: join(directory, 'worker.log'), readyTimeoutMs: 60_000 },
      env: { ...process.env, GATEWRIGHT_SETTINGS: settingsFile, GATEWRIGHT_READY_FILE: readyFile },
      probe: async () => {
        if (!existsSync(readyFile)) return await Promise.reject(new Error('it does not poll yet'));
      },
    });
    return new RolloutStage(world, directory, worker);
  }

  get pids(): Readonly<Record<string, number>> {
    return { worker: this.worker.pid, Temporal: this.world.temporal.component.pid };
  }

  get log(): string {
    return join(this.directory, 'worker.log');
  }

  /** A request over so many deployments, checked and not deployed yet. */
  async request(
    count: number,
    rollout: Partial<RolloutSettings>,
    revertWindowMs: number,
    deadlineMs: number,
  ): Promise<Opened> {
    const { world } = this;
    const settings = { ...defaultRolloutSettings, ...rollout };
    const database = await world.database([], { revertWindowMs, rollout: settings });
    for (let i = 1; i < count; i++) await this.deployment(database, i);
    const branch = await world.branch(database, 'feature', []);
    if (!branch.schema.startsWith(branchPrefix)) throw new Error(`nobody knows what ${branch.schema} is`);
    const policy = { revertWindowMs, checkMs: deadlineMs, cutoverMs: deadlineMs, cancelMs: deadlineMs };
    const request = await world.open(database, branch, { autoCutover: true }, policy);
    await request.reaches('ready', deadlineMs);
    return request;
  }

  private async deployment(database: DatabaseRecord, i: number): Promise<void> {
    await this.world.store.rollouts.deployments.add({
      ...{ id: randomUUID(), organizationId: this.world.organizationId, databaseId: database.id },
      ...{ name: `region-${i}`, environment: 'production', server: SERVER, schema: `d${database.id}_${i}` },
    });
  }

  async close(): Promise<void> {
    await this.worker.stop();
    await this.world.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
