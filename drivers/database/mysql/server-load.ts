import { name } from '../../../domain/schema/mysql/quote';
import type { LoadProbe, SeenLoad } from '../load-watch';
import { text } from './rows';
import { openSession, type Session } from './session';

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

/** Small writes to a row of a change's state, how far replicas are behind these writes, who else is at work. */
export class ServerProbe implements LoadProbe<Session> {
  private readonly replicas: readonly Replica[];

  constructor(private readonly source: LoadSource) {
    this.replicas = source.replicas.map((url) => new Replica(url, source.state));
  }

  async open(): Promise<Session> {
    return await openSession(this.source.url);
  }

  async begin(session: Session): Promise<void> {
    await session.execute('SET lock_wait_timeout = 5');
    await session.execute(
      `INSERT IGNORE INTO ${name(this.source.state)} (id, change_id, epoch, phase, specification) VALUES (${PULSE}, '', 0, '', '')`,
    );
  }

  async write(session: Session): Promise<void> {
    await session.execute(
      `UPDATE ${name(this.source.state)} SET epoch = UNIX_TIMESTAMP(NOW(6)) * 1000000 WHERE id = ${PULSE}`,
    );
  }

  async look(session: Session): Promise<SeenLoad> {
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
    };
  }

  close(): void {
    for (const replica of this.replicas) replica.close();
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
