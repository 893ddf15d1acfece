import type { LoadProbe, SeenLoad } from '../load-watch';
import { openEngineSession } from './engine-session';
import { nullable, text } from './rows';
import type { Session } from './session';
import { probeTable } from './state';

const MOST_POSITIONS = 1_000;

/** What is looked at. */
export interface LoadSource {
  readonly url: string;
  readonly schema: string;
  readonly changeId: string;
  /** The logs whose keys wait, as SQL has them. */
  readonly logs: readonly string[];
}

/**
 * Small writes to a table of the change's own, how far replicas are behind, who else is at work. What the account may not
 * see it says nothing of.
 */
export class ServerProbe implements LoadProbe<Session> {
  private readonly lag = new ReplicaLag();

  constructor(private readonly source: LoadSource) {}

  async open(): Promise<Session> {
    return await openEngineSession(this.source.url, this.source.schema);
  }

  async begin(session: Session): Promise<void> {
    await session.execute('SET synchronous_commit = on');
  }

  async write(session: Session): Promise<void> {
    await session.execute(`UPDATE ${probeTable(this.source.changeId)} SET n = n + 1 WHERE id = 1`);
  }

  async look(session: Session): Promise<SeenLoad> {
    const lengths = this.source.logs.map((log) => `(SELECT count(*) FROM ${log})`);
    const [row] = await session.query(
      `SELECT (${lengths.join(' + ')})::int AS waiting, pg_current_wal_lsn()::text AS lsn,
         (SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'
            AND application_name <> 'gatewright') AS threads,
         (SELECT min(replay_lsn)::text FROM pg_stat_replication WHERE state IN ('catchup', 'streaming')) AS replayed`,
    );
    return {
      replicaLagSeconds: this.lag.seconds(performance.now(), text(row!.lsn), nullable(row!.replayed)),
      threadsRunning: Number(row!.threads),
      logLength: Number(row!.waiting),
    };
  }
}

/**
 * How far the slowest replica is behind, by when the position it has reached was the server's own. What the server itself
 * tells in `replay_lag` stands still when a replica does.
 */
export class ReplicaLag {
  private positions: { readonly atMs: number; readonly lsn: bigint }[] = [];

  /**
   * @param lsn where the server is, as in `16/B374D848`.
   * @param replayed where the slowest replica is; null where there is none, or none that this account may see.
   */
  seconds(atMs: number, lsn: string, replayed: string | null): number | null {
    this.positions.push({ atMs, lsn: position(lsn) });
    if (replayed === null) {
      this.positions = this.positions.slice(-1);
      return null;
    }
    const reached = position(replayed);
    this.positions = this.positions.filter(({ lsn: each }) => each > reached);
    // Whoever is behind for very long need not be known to the half second.
    if (this.positions.length > MOST_POSITIONS) this.positions = this.positions.filter((_, i) => i % 2 === 0);
    return this.positions.length === 0 ? 0 : (atMs - this.positions[0]!.atMs) / 1000;
  }
}

function position(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high!}`) << 32n) + BigInt(`0x${low!}`);
}
