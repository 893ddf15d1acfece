import { existsSync, readdirSync } from 'node:fs';
import type { Settings } from '../domain/settings';
import { Edge } from '../drivers/nginx/edge';
import { apiUrl, bringUp, program, settingsFile, type Parts } from './bring-up';
import type { Description } from './description';
import { Home } from './home';
import { ensureIdentities, type Identities } from './identities';
import { reapNginx } from './nginx';
import { choosePorts } from './ports-of-home';
import type { Component } from './process';
import { ProcessRecord } from './process-record';
import { startApi, startWorker } from './programs';
import { edgeDirectory, externalComponents, settingsOf, writeSettings } from './settings';
import { Supervisor } from './supervisor';
import { databasePackages, ensureSystemPackages, environmentPackages, nginxBinary } from './system-packages';
import { ensureTemporal } from './temporal-binary';

/** How an environment is started. */
export interface EnvironmentOptions {
  /** Its home; made where there is none, gone on with where there is one. */
  readonly directory: string;
  readonly description: Description;
  /** Is told what is being done and what happens to components. */
  readonly say?: (text: string) => void;
  /** Whether components that die are started again; true unless told. */
  readonly superviseRestarts?: boolean;
  /** Where `TEMPORAL_ADDRESS` and `DATABASE_URL` are looked up; the process's own environment unless told. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Is waited for when everything runs but the agents: replicas that are made by then have been idle for longer, and are
   * given away first.
   */
  readonly beforeAgents?: (environment: Environment) => Promise<void>;
  /** Another program than `gatewright worker` for the workers. */
  readonly workerEntry?: string;
}

/** A running environment: Temporal, the store, edges, DNS, agents, the API and a worker. */
export class Environment {
  private stopped: Promise<void> | undefined;

  private constructor(private readonly parts: Parts) {}

  /**
   * Brings an environment up. Where that fails, nothing is left running.
   * @param onCreated gets the environment before its first component starts, so that a signal can end it half-way.
   * @throws ComponentFailed naming what is wrong.
   */
  static async start(
    options: EnvironmentOptions,
    onCreated?: (environment: Environment) => void,
  ): Promise<Environment> {
    const say = options.say ?? (() => undefined);
    const { description } = options;
    const external = externalComponents(options.env ?? process.env);
    await ensureSystemPackages(
      description.databases ? [...environmentPackages, ...databasePackages] : environmentPackages,
      say,
    );
    const temporalBinary = external.temporal ? '' : await ensureTemporal(say);
    const home = Home.open(options.directory);
    home.take();
    let environment: Environment | undefined;
    try {
      const record = new ProcessRecord(home.path('run', 'processes.json'));
      await endEarlier(home, record, say);
      say(`starting in ${home.directory}`);
      const ports = await choosePorts(home, description, external.temporal === undefined);
      const identities = ensureIdentities(home, description.agents.count);
      const settings = settingsOf(home, description, ports, external, nginxBinary());
      const supervisor = new Supervisor({ record, say, restarts: options.superviseRestarts ?? true });
      const { workerEntry } = options;
      const known = { home, description, ports, settings, identities, external };
      environment = new Environment({
        ...known,
        ...{ temporalBinary, supervisor, say, workerEntry, backend: undefined },
        beforeAgents: async () => await options.beforeAgents?.(environment!),
      });
      onCreated?.(environment);
      await bringUp(environment.parts);
      return environment;
    } catch (error) {
      await environment?.stop();
      home.leave();
      throw error;
    }
  }

  get home(): Home {
    return this.parts.home;
  }

  get description(): Description {
    return this.parts.description;
  }

  get settings(): Settings {
    return this.parts.settings;
  }

  get identities(): Identities {
    return this.parts.identities;
  }

  get supervisor(): Supervisor {
    return this.parts.supervisor;
  }

  get apiUrl(): string {
    return apiUrl(this.parts);
  }

  /** Where Temporal's Web UI is; null for a Temporal that is not ours. */
  get temporalUiUrl(): string | null {
    const { external, description, ports } = this.parts;
    return external.temporal ? null : `http://${description.temporal.ip}:${ports.temporalUi}`;
  }

  get settingsFile(): string {
    return settingsFile(this.home);
  }

  /** The replicas of the pool with the `ip:port` of each. */
  get agents(): { id: string; name: string; address: string }[] {
    const { identities, ports } = this.parts;
    return identities.replicas.map(({ id, name }, index) => {
      const { ip, port } = ports.agents[index]!;
      return { id, name, address: `${ip}:${port}` };
    });
  }

  /** The pids by component; without those that are down this moment. */
  get pids(): Record<string, number> {
    const running = this.supervisor.names.filter((name) => this.supervisor.isRunning(name));
    return Object.fromEntries(running.map((name) => [name, this.supervisor.component(name).pid]));
  }

  /** @throws ComponentFailed when there is no such component or it is not running. */
  component(name: string): Component {
    return this.supervisor.component(name);
  }

  /** Sends a component a signal (`SIGSTOP`, `SIGCONT`, ...); it alone, not what it started. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.supervisor.component(name).signal(signal);
  }

  async kill9(name: string): Promise<void> {
    await this.supervisor.kill9(name);
  }

  async restart(name: string): Promise<void> {
    await this.supervisor.restart(name);
  }

  /** Starts another worker (`worker-2`, ...) or API beside the first ones, with settings that may differ. */
  async add(kind: 'worker' | 'api', name: string, settings: Settings = this.settings): Promise<void> {
    const file = this.home.path('run', `${name}.settings.json`);
    writeSettings(file, settings);
    const options = { ...program(this.parts, kind, name), settings, settingsFile: file };
    await this.supervisor.start(name, async () => await (kind === 'api' ? startApi(options) : startWorker(options)));
  }

  /** Ends everything in order: whoever gives work first, whoever does it next, what it is done to last. */
  async stop(): Promise<void> {
    this.stopped ??= this.end();
    await this.stopped;
  }

  /** Kills everything at once. */
  kill(): void {
    this.supervisor.killAll();
    this.home.leave();
  }

  private async end(): Promise<void> {
    const { supervisor } = this;
    supervisor.settle();
    const ours = (kind: string) => supervisor.names.filter((name) => name === kind || name.startsWith(`${kind}-`));
    const programs = [...ours('api'), ...ours('worker')];
    await supervisor.stop(ours('api'));
    await supervisor.stop(ours('worker'));
    await supervisor.stop(supervisor.names.filter((name) => !programs.includes(name)));
    await this.parts.backend?.stop();
    this.home.leave();
  }
}

/** Ends what an earlier start of this home left running. */
async function endEarlier(home: Home, record: ProcessRecord, say: (text: string) => void): Promise<void> {
  const orphans = await record.endOrphans();
  if (orphans.length > 0) say(`ended what an earlier start left running: ${orphans.join(', ')}`);
  const edges = home.path('edges');
  if (!existsSync(edges)) return;
  // The workers that an nginx master leaves when it is killed are in no record, and hold the edge's port.
  for (const name of readdirSync(edges))
    await reapNginx(new Edge({ name, directory: edgeDirectory(home, name), httpAddress: '127.0.0.1:80', nginx: '' }));
}
