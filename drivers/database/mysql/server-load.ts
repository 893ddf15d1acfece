import { ProbeWrites } from '../../../domain/schema/probe-writes';
import { name } from '../../../domain/schema/mysql/quote';
import type { ServerLoad } from '../../../domain/schema/throttle';
import type { LoadWatcher } from '../governor';
import { text } from './rows';
import { openSession, type Session } from './session';
import { pause } from './work';

/** Milliseconds between two looks at the server. */
const LOOK_EVERY_MS = 500;

/** Measured writes between two looks. */
const WRITES = 5;

/** What is looked at. */
export interface LoadSource {
  readonly url: string;
  /** The state of the change: a row of it is written to. */
  readonly state: string;
  /** The logs whose notes wait. */
  readonly logs: readonly string[];
  /** Sessions of the change, which are not counted among those at work. */
  readonly own: readonly number[];
  /** URLs of the same schema on servers that replicate it. */
  readonly replicas: readonly string[];
}

/**
 * Watches what a server bears, in a session of its own beside the work: small writes that reach the disk as a user's do,
 * how far replicas are behind these writes, who else is at work.
 */
export class LoadWatch implements LoadWatcher {
  private readonly stopping = new AbortController();
  private readonly writes = new ProbeWrites();
  private readonly replicas: Replica[];
  private running: Promise<void> = Promise.resolve();
  private session: Session | null = null;

  constructor(
    private readonly source: LoadSource,
    private readonly onLoad: (load: ServerLoad, atMs: number) => void,
  ) {
    this.replicas = source.replicas.map((url) => new Replica(url, source.state));
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.session?.destroy();
    for (const replica of this.replicas) replica.close();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        this.session = await openSession(this.source.url);
        await this.watch(this.session);
      } catch {
        // Whoever does the work meets the same, and says so.
        await pause(LOOK_EVERY_MS, this.stopping.signal);
      } finally {
        this.session?.destroy();
        this.session = null;
      }
    }
  }

  private async watch(session: Session): Promise<void> {
    const state = name(this.source.state);
    await session.execute('SET lock_wait_timeout = 5');
    await session.execute(
      `INSERT IGNORE INTO ${state} (id, change_id, epoch, phase, specification) VALUES (${PULSE}, '', 0, '', '')`,
    );
    while (!this.stopping.signal.aborted) {
      for (let n = 0; n < WRITES; n++) {
        await pause(LOOK_EVERY_MS / WRITES, this.stopping.signal);
        if (this.stopping.signal.aborted) return;
        await this.write(session);
      }
      this.onLoad(await this.look(session), performance.now());
    }
  }

  private async write(session: Session): Promise<void> {
    const began = performance.now();
    await session.execute(
      `UPDATE ${name(this.source.state)} SET epoch = UNIX_TIMESTAMP(NOW(6)) * 1000000 WHERE id = ${PULSE}`,
    );
    this.writes.note(began, performance.now() - began);
  }

  private async look(session: Session): Promise<ServerLoad> {
    const { own, logs, state } = this.source;
    const lengths = logs.map((log) => `(SELECT COUNT(*) FROM ${name(log)})`);
    const [row] = await session.query(
      `SELECT ${['0', ...lengths].join(' + ')} AS waiting, (SELECT epoch FROM ${name(state)} WHERE id = ${PULSE}) AS pulse, ` +
        `(SELECT COUNT(*) FROM information_schema.processlist WHERE command <> 'Sleep' AND id IN (${['0', ...own].join(', ')})) AS own`,
    );
    const [running] = await session.query("SHOW GLOBAL STATUS LIKE 'Threads_running'");
    const threads = Number(text(running?.Value)) - 1 - Number(row!.own);
    const lags = await Promise.all(this.replicas.map(async (replica) => await replica.lagSeconds(Number(row!.pulse))));
    const known = lags.filter((lag) => lag !== null);
    return {
      replicaLagSeconds: known.length > 0 ? Math.max(...known) : null,
      threadsRunning: Math.max(threads, 0),
      logLength: Number(row!.waiting),
      writeP99Ms: this.writes.p99Ms,
    };
  }
}

/** The row of a change's state that is written to for measuring; its epoch is when, in microseconds. */
const PULSE = 2;

/** One server that follows the one that is changed. */
class Replica {
  private session: Session | null = null;
  private first: number | null = null;

  constructor(
    private readonly url: string,
    private readonly state: string,
  ) {}

  /**
   * How far it is behind: it has every write, so that those tell, whatever it says of itself while it stands still.
   * @param pulse when the last of them was made, in microseconds.
   * @returns null while it cannot be reached.
   */
  async lagSeconds(pulse: number): Promise<number | null> {
    this.first ??= pulse;
    try {
      this.session ??= await openSession(this.url);
      const [row] = await this.session.query(`SELECT epoch FROM ${name(this.state)} WHERE id = ${PULSE}`);
      return Math.max(pulse - Math.max(Number(row?.epoch ?? 0), this.first), 0) / 1e6;
    } catch {
      this.close();
      return null;
    }
  }

  close(): void {
    this.session?.destroy();
    this.session = null;
  }
}
