import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../domain/failures';
import { hostname } from '../../domain/hostname';
import type { EdgeSettings } from '../../domain/settings';
import type { RouteLine } from './config';
import { EdgeFiles } from './files';
import { askGeneration, NoAnswer, type GenerationAnswer } from './generation-endpoint';
import { accepts, statusOf } from './probe';
import { NginxProcesses } from './processes';
import { ConfigTester } from './tester';

/**
 * What became of a generation: `live` is proven; `down` means that no nginx of this edge runs, nothing answers at its
 * address, and whatever comes up reads this generation. After either a removed host is not served any more.
 */
export type Liveness = { readonly state: 'live' } | { readonly state: 'down'; readonly reason: string };

/** Who answers for an edge right now. `unclear`: something does, but not a worker that says its generation. */
export type Presence =
  | ({ readonly state: 'up' } & GenerationAnswer)
  | { readonly state: 'down'; readonly reason: string }
  | { readonly state: 'unclear'; readonly reason: string };

/** A reload that was asked for: the master, and the workers it had before. */
export interface Signalled {
  readonly master: number;
  readonly before: ReadonlySet<number>;
}

/** Bounds of an {@link Edge}, all in milliseconds. */
export interface EdgeTiming {
  /** How long a generation may take to be proven live; 5,000 unless told. */
  readonly proveMs?: number;
  /** How long one question to nginx may take; 1,000 unless told. */
  readonly askMs?: number;
  /** How long `nginx -t` may take; 10,000 unless told. */
  readonly testMs?: number;
}

/** Answers in a row that a new generation must give before it counts as live: old and new workers alternate at first. */
const ANSWERS_IN_A_ROW = 3;

/** Looks for a new worker, 4 ms apart, after which nginx is asked although none is there. */
const BLIND_LOOKS = 8;

/**
 * One nginx and its directory. Nothing here trusts the exit codes of nginx: `-t` and `-s reload` both give 0 for a
 * reload that fails, so a generation is live when fresh workers say so and no older worker accepts connections.
 */
export class Edge {
  readonly files: EdgeFiles;
  readonly processes: NginxProcesses;
  readonly directory: string;
  readonly socketPath: string;
  private readonly proveMs: number;
  private readonly askMs: number;
  private readonly tester: ConfigTester;

  /** @throws Failure INVALID_INPUT when the directory's path is too long for a unix socket in it (107 bytes). */
  constructor(
    readonly settings: EdgeSettings,
    timing: EdgeTiming = {},
  ) {
    this.directory = resolve(settings.directory);
    this.socketPath = join(this.directory, 'run/generation.sock');
    if (Buffer.byteLength(this.socketPath) > 107) {
      throw new Failure(
        'INVALID_INPUT',
        `the path of edge ${settings.name} is too long for a socket: ${this.directory}`,
      );
    }
    this.files = new EdgeFiles(this.directory, settings.httpAddress);
    this.processes = new NginxProcesses(this.directory);
    this.proveMs = timing.proveMs ?? 5_000;
    this.askMs = timing.askMs ?? 1_000;
    this.tester = new ConfigTester(settings.nginx, this.directory, timing.testMs ?? 10_000);
  }

  get name(): string {
    return this.settings.name;
  }

  /** Ends what was started to test generations; a later test starts it again. */
  close(): void {
    this.tester.close();
  }

  /** Makes the edge's files so that nginx can start; see {@link EdgeFiles.prepare}. */
  async prepare(): Promise<void> {
    await this.files.prepare();
  }

  /** Writes a generation completely and to disk. @throws Failure EDGE_CONFIG_REFUSED where its place is taken. */
  async write(generation: number, lines: Iterable<RouteLine>): Promise<void> {
    await this.files.write(generation, lines);
    await this.files.sync(generation);
  }

  /** Writes and tests a generation; nginx reads it while the disk still takes it in. Failures as of both. */
  async stage(generation: number, lines: Iterable<RouteLine>): Promise<void> {
    await this.files.write(generation, lines);
    await Promise.all([this.test(generation), this.files.sync(generation)]);
  }

  /**
   * Has nginx read a written generation, through a candidate main file that includes it and never the live one.
   * @throws Failure EDGE_CONFIG_REFUSED with nginx's message; a warning is a failure, too: to nginx, half of what makes
   * a configuration wrong is only a warning.
   */
  async test(generation: number): Promise<void> {
    const { error, output } = await this.tester.test(generation);
    const complaint = output.split('\n').find((line) => /\[(warn|error|crit|alert|emerg)\]/.test(line));
    if (!error && !complaint) return;
    throw new Failure('EDGE_CONFIG_REFUSED', `edge ${this.name}: ${complaint ?? error?.message}`.slice(0, 500));
  }

  /** Points `live` to a generation. @throws Failure EDGE_FENCED when a higher one is live already. */
  async flip(generation: number): Promise<void> {
    await this.files.flip(generation);
  }

  /**
   * Asks the master to reload.
   * @returns undefined where there is no master to ask.
   * @throws Failure EDGE_NOT_LIVE without the right to signal it.
   */
  signal(): Signalled | undefined {
    const master = this.processes.master();
    if (master === undefined) return undefined;
    const before = this.processes.children(master);
    try {
      process.kill(master, 'SIGHUP');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
      throw this.notLive(`its nginx (pid ${master}) may not be signalled by this user`, { cause });
    }
    return { master, before };
  }

  /**
   * Waits until a generation is live: several answers in a row from workers that were not there before the signal, and
   * no worker left from before that still accepts connections.
   *
   * nginx sleeps 100 ms between starting new workers and retiring the old ones, and until then the kernel gives most
   * connections to the old. As soon as a fresh worker is ready, the old ones are sent the same graceful SIGQUIT from here;
   * without the right to do so, nginx's own comes later.
   * @returns false when that did not happen until `deadline` (as of `Date.now()`), or the master is gone.
   */
  async prove(generation: number, signalled: Signalled, deadline = Date.now() + this.proveMs): Promise<boolean> {
    let inARow = 0;
    let retired = false;
    for (let looks = 1; Date.now() < deadline; looks++) {
      if (!retired && this.processes.ready(signalled.master, signalled.before)) {
        this.retire(signalled);
        retired = true;
        looks = 1;
      }
      // Looking costs CPU that nginx needs for its new workers, which are not there before some milliseconds. Until then
      // only old workers can answer; asking tells now and then whether the master is gone.
      if (!retired && signalled.before.size > 0 && looks % BLIND_LOOKS !== 0) {
        await sleep(4);
        continue;
      }
      const answer = await this.ask();
      const fresh = answer?.generation === generation && !signalled.before.has(answer.pid);
      inARow = fresh ? inARow + 1 : 0;
      const left = [...signalled.before].some((worker) => this.processes.accepts(worker));
      if (inARow >= ANSWERS_IN_A_ROW && !left) return true;
      if (!answer && this.processes.master() !== signalled.master) return false;
      if (!fresh || left) await sleep(retired ? Math.min(1 + looks / 4, 8) : 4);
    }
    return false;
  }

  /**
   * Signals and proves a generation that `live` points to already, whatever state nginx is in.
   * @throws Failure EDGE_NOT_LIVE when something answers for the edge, but not with this generation.
   */
  async makeLive(generation: number): Promise<Liveness> {
    const deadline = Date.now() + this.proveMs;
    const logged = await this.files.errorLogSize();
    for (;;) {
      const signalled = this.signal();
      if (signalled && (await this.prove(generation, signalled, deadline))) return { state: 'live' };
      const presence = await this.presence();
      if (presence.state === 'down') return presence;
      if (presence.state === 'up' && this.processes.master() === undefined) {
        throw this.notLive(
          `worker ${presence.pid} still serves generation ${presence.generation}, but its master is gone; restart nginx`,
        );
      }
      if (Date.now() >= deadline) {
        const error = await this.files.errorsSince(logged);
        const seen = presence.state === 'up' ? `it still serves ${presence.generation}` : presence.reason;
        throw this.notLive(`generation ${generation} did not become live: ${error ?? seen}`);
      }
      await sleep(20);
    }
  }

  /**
   * Takes a generation that did not become live back, and waits until the one before answers again. Where nginx cannot
   * reload at all its workers of before go on: they count, for the new ones never were.
   * @returns whether the previous generation is proven.
   * @throws Failure EDGE_FENCED when another publisher has replaced the generation meanwhile.
   */
  async restore(generation: number, previous: number): Promise<boolean> {
    await this.files.flipBack(generation, previous);
    const signalled = this.signal();
    if (signalled && (await this.prove(previous, signalled, Date.now() + this.proveMs / 2))) return true;
    for (let inARow = 0; inARow < 3 * ANSWERS_IN_A_ROW; inARow++) {
      if ((await this.ask())?.generation !== previous) return false;
    }
    return true;
  }

  /** Looks who answers for the edge. `down` takes no process of its own, no generation endpoint and a free address. */
  async presence(): Promise<Presence> {
    try {
      return { state: 'up', ...(await askGeneration(this.socketPath, this.askMs)) };
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.reason !== 'refused') {
        return { state: 'unclear', reason: (error as Error).message };
      }
    }
    const process = this.processes.all()[0];
    if (process)
      return { state: 'unclear', reason: `nginx ${process.role} ${process.pid} runs without its generation endpoint` };
    if (await accepts(this.settings.httpAddress, this.askMs)) {
      return { state: 'unclear', reason: `something else answers at ${this.settings.httpAddress}` };
    }
    return { state: 'down', reason: `nginx of edge ${this.name} is not running` };
  }

  /**
   * Whether the edge has a gateway for a host. nginx decides that alone: the gateway is not asked.
   * @throws Failure EDGE_NOT_LIVE when the edge answers neither way.
   */
  async answers(host: string): Promise<boolean> {
    const status = await statusOf(this.settings.httpAddress, hostname(host), '/_gatewright/', this.askMs).catch(
      (cause) => {
        throw this.notLive(String(cause), { cause });
      },
    );
    if (status === 404 || status === 421) return status === 404;
    throw this.notLive(`it answered ${status} for its own path`);
  }

  private async ask(): Promise<GenerationAnswer | undefined> {
    return await askGeneration(this.socketPath, this.askMs).catch(() => undefined);
  }

  private retire({ master, before }: Signalled): void {
    const children = this.processes.children(master);
    for (const worker of before) {
      if (!children.has(worker) || !this.processes.accepts(worker)) continue;
      try {
        process.kill(worker, 'SIGQUIT');
      } catch {
        // Gone, or not ours to signal: the master does the same a tenth of a second later.
      }
    }
  }

  private notLive(message: string, details: { cause?: unknown } = {}): Failure {
    return new Failure('EDGE_NOT_LIVE', `edge ${this.name}: ${message}`, details);
  }
}
