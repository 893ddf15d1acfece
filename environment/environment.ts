import type { Settings } from '../domain/settings';
import { startAgent } from './agent/start';
import type { Description } from './description';
import { Home } from './home';
import { ensureIdentities, type Identities } from './identities';
import { startNginx } from './nginx';
import { choosePorts, type Ports } from './ports-of-home';
import { startPowerDns } from './powerdns';
import { ComponentFailed, type Component } from './process';
import { ProcessRecord } from './process-record';
import { setUpStore, startApi, startWorker, type ProgramOptions } from './programs';
import { untilAgentsAnnounced, untilReady } from './readiness';
import { externalComponents, settingsOf, writeSettings, type External } from './settings';
import { Supervisor } from './supervisor';
import { ensureSystemPackages, environmentPackages, nginxBinary } from './system-packages';
import { startTemporal } from './temporal';
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
  /** Another program than `gatewright worker` for the workers. */
  readonly workerEntry?: string;
}

/** A running environment: Temporal, the store, edges, DNS, agents, the API and a worker. */
export class Environment {
  readonly supervisor: Supervisor;
  private stopped: Promise<void> | undefined;

  private constructor(
    readonly home: Home,
    readonly description: Description,
    readonly ports: Ports,
    readonly settings: Settings,
    readonly identities: Identities,
    private readonly external: External,
    private readonly record: ProcessRecord,
    private readonly say: (text: string) => void,
    restarts: boolean,
    private readonly workerEntry: string | undefined,
  ) {
    this.supervisor = new Supervisor({ record, say, restarts });
  }

  /**
   * Brings an environment up. Where that fails, nothing is left running.
   * @param onCreated gets the environment before its first component starts, so that a signal can end it half-way.
   * @throws ComponentFailed naming what is wrong; Failure of the store.
   */
  static async start(
    options: EnvironmentOptions,
    onCreated?: (environment: Environment) => void,
  ): Promise<Environment> {
    const say = options.say ?? (() => undefined);
    const { description } = options;
    const external = externalComponents(options.env ?? process.env);
    await ensureSystemPackages(environmentPackages, say);
    const temporalBinary = external.temporal ? '' : await ensureTemporal(say);
    const home = Home.open(options.directory);
    home.take();
    let environment: Environment | undefined;
    try {
      const record = new ProcessRecord(home.path('run', 'processes.json'));
      const orphans = await record.endOrphans();
      if (orphans.length > 0) say(`ended what an earlier start left running: ${orphans.join(', ')}`);
      const ports = await choosePorts(home, description, external.temporal === undefined);
      const identities = ensureIdentities(home, description.agents.count);
      const settings = settingsOf(home, description, ports, external, nginxBinary());
      const restarts = options.superviseRestarts ?? true;
      environment = new Environment(
        home,
        description,
        ports,
        settings,
        identities,
        external,
        record,
        say,
        restarts,
        options.workerEntry,
      );
      onCreated?.(environment);
      await environment.bringUp(temporalBinary);
      return environment;
    } catch (error) {
      await environment?.stop();
      home.leave();
      throw error;
    }
  }

  get apiUrl(): string {
    return `http://${this.settings.api.host}:${this.ports.api}`;
  }

  /** Where Temporal's Web UI is; null for a Temporal that is not ours. */
  get temporalUiUrl(): string | null {
    return this.external.temporal ? null : `http://${this.description.temporal.ip}:${this.ports.temporalUi}`;
  }

  get settingsFile(): string {
    return this.home.path('run', 'settings.json');
  }

  get agents(): { id: string; name: string; address: string }[] {
    return this.identities.replicas.map(({ id, name }, index) => ({ id, name, address: this.agentAddress(index) }));
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
    const settingsFile = this.home.path('run', `${name}.settings.json`);
    writeSettings(settingsFile, settings);
    const program = kind === 'worker' ? this.workerProgram(name) : this.program(name);
    const options = { ...program, settings, settingsFile };
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
    this.home.leave();
  }

  private async bringUp(temporalBinary: string): Promise<void> {
    const { supervisor, say } = this;
    say(`starting in ${this.home.directory}`);
    writeSettings(this.settingsFile, this.settings);
    await allOf([
      this.external.temporal ? this.useExternalTemporal() : this.startTemporal(temporalBinary),
      this.setUpStore(),
      this.startDns(),
      ...this.settings.edges.map(async (edge) => {
        await supervisor.start(
          edge.name,
          async () => await startNginx(edge, { logFile: this.home.logFile(edge.name) }),
        );
        say(`nginx edge ${edge.name}: http://${edge.httpAddress}`);
      }),
    ]);
    await allOf([
      supervisor
        .start('worker', async () => await startWorker(this.workerProgram('worker')))
        .then(() => say('worker: polling')),
      this.startApiAndAgents(),
    ]);
    await untilReady(this.apiUrl);
    await untilAgentsAnnounced(this.apiUrl, this.identities);
    say(`${this.description.agents.count} gateway agents: announced`);
  }

  private async startTemporal(binary: string): Promise<void> {
    const { ip, database } = this.description.temporal;
    const options = {
      ...{ binary, ip, port: this.ports.temporal, uiPort: this.ports.temporalUi },
      ...{ database: this.home.path(database), settings: this.description.temporal },
      logFile: this.home.logFile('temporal'),
    };
    await this.supervisor.start('temporal', async () => await startTemporal(options));
    this.say(`Temporal: ${this.settings.temporal.address}, Web UI ${this.temporalUiUrl}`);
  }

  private async useExternalTemporal(): Promise<void> {
    const { registerSearchAttributes } = require('./external-temporal') as typeof import('./external-temporal');
    await registerSearchAttributes(this.settings.temporal, this.description.temporal.searchAttributes);
    this.say(`Temporal: ${this.settings.temporal.address} (TEMPORAL_ADDRESS)`);
  }

  private async setUpStore(): Promise<void> {
    await setUpStore(this.settingsFile, this.home, this.identities.replicas.length);
    this.say(`store: ${this.external.databaseUrl ? 'PostgreSQL (DATABASE_URL)' : this.settings.databaseUrl}, migrated`);
  }

  private async startDns(): Promise<void> {
    const { zone } = this.description;
    const options = {
      ...{ directory: this.home.path('powerdns'), zone: zone.name, apiKey: this.identities.dnsApiKey },
      ...{ apiPort: this.ports.dnsApi, dnsPort: this.ports.dns, logFile: this.home.logFile('powerdns') },
    };
    await this.supervisor.start('powerdns', async () => await startPowerDns(options));
    this.say(`PowerDNS: ${this.settings.zone.dnsAddress}, zone ${zone.name}`);
  }

  private async startApiAndAgents(): Promise<void> {
    await this.supervisor.start('api', async () => await startApi(this.program('api')));
    this.say(`API: ${this.apiUrl}`);
    const replicas = this.identities.replicas;
    await allOf(
      replicas.map(async ({ id, name, secretFile }, index) => {
        const options = {
          ...{ replicaId: id, address: this.agentAddress(index), secretFile, apiUrl: this.apiUrl },
          ...{ stateFile: this.home.path('agents', `${id}.json`), logFile: this.home.logFile(name) },
        };
        await this.supervisor.start(name, async () => await startAgent(options));
      }),
    );
  }

  private agentAddress(index: number): string {
    const address = this.ports.agents[index];
    if (!address) throw new ComponentFailed(`there is no address for agent ${index + 1}`);
    return `${address.ip}:${address.port}`;
  }

  private workerProgram(name: string): ProgramOptions {
    return { ...this.program(name), ...(this.workerEntry !== undefined && { entry: this.workerEntry }) };
  }

  private program(name: string): ProgramOptions {
    const { home, settings, settingsFile } = this;
    return { home, settings, settingsFile, externalTemporal: this.external.temporal !== undefined, name };
  }
}

/** Waits for all, also when one has failed, so that nothing is still coming up when the others are ended. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
