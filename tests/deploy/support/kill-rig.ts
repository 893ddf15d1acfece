import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeJson } from '../../../environment/home';
import { startMariaDb, type MariaDb, type MariaDbSpec } from '../../../environment/mariadb';
import { freePort } from '../../../environment/ports';
import { Component } from '../../../environment/process';
import { scriptCommand } from '../../../environment/script';
import { BreakPointFiles } from '../../support/break-points';
import { MySqlTarget } from './targets';
import { DeployWorld, testDeployPolicy } from './world';

/** What can be killed. */
export type Victim = 'worker' | 'database' | 'temporal';

/** A worker, a database server and a Temporal as processes of their own, each of which can be killed and started again. */
export class KillRig {
  readonly breakPoints: BreakPointFiles;
  private worker: Component | undefined;

  private constructor(
    readonly world: DeployWorld,
    private temporal: Component,
    private readonly directory: string,
    private readonly server: MariaDbSpec,
    private database: MariaDb,
    private readonly settingsFile: string,
  ) {
    this.breakPoints = new BreakPointFiles(settingsFile);
  }

  static async start(): Promise<KillRig> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-kills-'));
    // Not below the other: it runs as an account that may not enter that.
    const server = { directory: mkdtempSync(join(tmpdir(), 'gw-kills-mariadb-')), port: await freePort('127.0.0.1') };
    const database = await startMariaDb(server);
    const policy = { ...testDeployPolicy, revertWindowMs: 600_000 };
    const world = await DeployWorld.start(new MySqlTarget(database.url), policy);
    const settingsFile = join(directory, 'settings.json');
    writeJson(settingsFile, world.settings);
    const rig = new KillRig(world, world.temporal.component, directory, server, database, settingsFile);
    await rig.startWorker();
    return rig;
  }

  async kill(victim: Victim): Promise<void> {
    if (victim === 'worker') await this.worker!.kill();
    else await (victim === 'database' ? this.database.component : this.temporal).kill();
  }

  async restart(victim: Victim): Promise<void> {
    if (victim === 'worker') await this.startWorker();
    else if (victim === 'database') this.database = await startMariaDb(this.server);
    else this.temporal = await Component.start(this.temporal.spec);
  }

  async close(): Promise<void> {
    this.breakPoints.clear();
    await this.worker?.kill();
    await this.world.close();
    await this.temporal.kill();
    await this.database.component.kill();
    for (const directory of [this.directory, this.server.directory])
      rmSync(directory, { recursive: true, force: true });
  }

  private async startWorker(): Promise<void> {
    const readyFile = join(this.directory, 'worker.ready');
    rmSync(readyFile, { force: true });
    const { command, args } = scriptCommand('tests/deploy/support/killed-worker');
    this.worker = await Component.start({
      ...{ name: 'worker', command, args, logFile: join(this.directory, 'worker.log'), readyTimeoutMs: 60_000 },
      env: { ...process.env, GATEWRIGHT_SETTINGS: this.settingsFile, GATEWRIGHT_READY_FILE: readyFile },
      probe: async () => {
        if (!existsSync(readyFile)) return await Promise.reject(new Error('it does not poll yet'));
      },
    });
  }
}
