import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How to run one component of the environment. */
export interface ProcessSpec {
  /** Name for messages and for the record of pids. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** stdout and stderr are appended here. */
  readonly logFile: string;
  /** Resolves once the component answers; is called again and again until it does. */
  readonly probe: () => Promise<void>;
  /** Milliseconds until a component that does not answer is given up; 15,000 unless told. */
  readonly readyTimeoutMs?: number;
  /** What asks it to end; SIGTERM unless told. */
  readonly stopSignal?: NodeJS.Signals;
}

/** A component that did not come up, with the end of its log. */
export class ComponentFailed extends Error {
  override readonly name = 'ComponentFailed';
}

/**
 * Is told the pid of every component that is started within its `run`, at once, before the component is ready: what was
 * not noted could not be ended after a `kill -9` of its starter.
 */
export const spawnListener = new AsyncLocalStorage<(pid: number) => void>();

/** A running component: a child process with a process group of its own. */
export class Component {
  private constructor(
    readonly spec: ProcessSpec,
    private readonly child: ChildProcess,
    /** Resolves with a sentence once the process has ended. */
    readonly ended: Promise<string>,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /**
   * Starts a component and waits until it answers.
   * @throws ComponentFailed naming the component and the end of its log.
   */
  static async start(spec: ProcessSpec): Promise<Component> {
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, 'a');
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env ?? process.env,
      stdio: ['ignore', log, log],
      detached: true, // a group of its own: Ctrl-C reaches us first, and orphans of a killed master can be ended
    });
    closeSync(log);
    if (child.pid !== undefined) spawnListener.getStore()?.(child.pid);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => resolve(signal ? `was ended by ${signal}` : `exited with code ${code}`));
    });
    const component = new Component(spec, child, ended);
    const problem = await component.untilReady();
    if (problem === undefined) return component;
    await component.kill();
    throw new ComponentFailed(`${spec.name} ${problem}\n${tail(spec.logFile)}\n(log: ${spec.logFile})`);
  }

  private async untilReady(): Promise<string | undefined> {
    const deadline = Date.now() + (this.spec.readyTimeoutMs ?? 15_000);
    let death: string | undefined;
    void this.ended.then((how) => (death = how));
    for (;;) {
      const probe = await this.spec.probe().then(
        () => undefined,
        (error: Error) => error.message,
      );
      await Promise.resolve();
      if (death !== undefined) return death;
      if (probe === undefined) return undefined;
      if (Date.now() > deadline) return `did not answer in time: ${probe}`;
      await sleep(20);
    }
  }

  /** Sends a signal to the process alone. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** Asks it to end and waits; after `graceMs` its whole group is killed. */
  async stop(signal: NodeJS.Signals = this.spec.stopSignal ?? 'SIGTERM', graceMs = 10_000): Promise<void> {
    this.signal(signal);
    await Promise.race([this.ended, sleep(graceMs, undefined, { ref: false })]);
    await this.kill();
  }

  /** Ends the whole group at once. */
  async kill(): Promise<void> {
    killGroup(this.pid);
    await this.ended;
  }
}

/** Kills what is left of a process group; does nothing when it is gone. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
