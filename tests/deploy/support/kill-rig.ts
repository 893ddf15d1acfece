import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeJson } from '../../../environment/home';
import { startMariaDb } from '../../../environment/mariadb';
import { freePort } from '../../../environment/ports';
import { startPostgres } from '../../../environment/postgres';
import { Component } from '../../../environment/process';
import { scriptCommand } from '../../../environment/script';
import { BreakPointFiles } from '../../support/break-points';
import type { ServerName } from './servers';
import { MySqlTarget, PostgresTarget } from './targets';
import { DeployWorld, testDeployPolicy } from './world';

/** What can be killed. */
export const victims = ['worker', 'database', 'temporal'] as const;
export type Victim = (typeof victims)[number];

/** A database server that is started again over the data that it has. */
interface Server {
  start(): Promise<{ readonly url: string; readonly component: Component }>;
  readonly directory: string;
}

async function serverOf(name: ServerName): Promise<Server> {
  // Not below the rig's: it runs as an account that may not enter that.
  const spec = { directory: mkdtempSync(join(tmpdir(), 'gw-kills-server-')), port: await freePort('127.0.0.1') };
  const start = name === 'MariaDB' ? startMariaDb : startPostgres;
  return { directory: spec.directory, start: async () => await start(spec) };
}

/** A worker, a database server and a Temporal as processes of their own, each of which can be killed and started again. */
export class KillRig {
  readonly breakPoints: BreakPointFiles;
  private worker: Component | undefined;

  private constructor(
    readonly world: DeployWorld,
    private temporal: Component,
    private readonly directory: string,
    private readonly server: Server,
    private database: Component,
    private readonly settingsFile: string,
  ) {
    this.breakPoints = new BreakPointFiles(settingsFile);
  }

  static async start(name: ServerName): Promise<KillRig> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-kills-'));
    const server = await serverOf(name);
    const { url, component } = await server.start();
    const target = name === 'MariaDB' ? new MySqlTarget(url) : new PostgresTarget(url);
    const world = await DeployWorld.start(target, { ...testDeployPolicy, revertWindowMs: 600_000 });
    const settingsFile = join(directory, 'settings.json');
    writeJson(settingsFile, world.settings);
    const rig = new KillRig(world, world.temporal.component, directory, server, component, settingsFile);
    await rig.startWorker();
    return rig;
  }

  async kill(victim: Victim): Promise<void> {
    if (victim === 'worker') await this.worker!.kill();
    else await (victim === 'database' ? this.database : this.temporal).kill();
  }

  async restart(victim: Victim): Promise<void> {
    if (victim === 'worker') await this.startWorker();
    else if (victim === 'database') this.database = (await this.server.start()).component;
    else this.temporal = await Component.start(this.temporal.spec);
  }

  async close(): Promise<void> {
    this.breakPoints.clear();
    await this.worker?.kill();
    await this.world.close();
    await this.temporal.kill();
    await this.database.kill();
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
