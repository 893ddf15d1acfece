import type { Row } from '../figures';
import { percentile, short, summary } from '../figures';
import { EngineChild, type Timed } from './engine-child';
import type { SchemaPlan } from './plan';
import type { BenchServer } from './server';
import { Writers, type Written } from './writers';

/** Nobody may wait longer than this on a swap, in milliseconds. */
export const LONGEST_STALL_MS = 150;

/** What the parts of the bench of one server share. */
export class Rig {
  private changes = 0;
  /** Of all writers so far. */
  readonly ledger = { checked: 0, wrongCount: 0, wrong: [] as string[] };
  /** Rows a second of `INSERT .. SELECT`, once it was measured. */
  private limits: number[] = [];

  constructor(
    readonly server: BenchServer,
    readonly plan: SchemaPlan,
    readonly say: (text: string) => void,
  ) {}

  /** Works on a change of the table as it is now, with an engine of its own. */
  async change<T>(work: (engine: EngineChild) => Promise<T>): Promise<T> {
    const change = await this.server.planned(`bench-${++this.changes}`);
    const engine = await EngineChild.start(this.server.target, change);
    try {
      return await work(engine);
    } finally {
      engine.stop();
    }
  }

  /** Works while users write, all of whose rows are looked at afterwards. */
  async writing<T>(work: (writers: Writers) => Promise<T>): Promise<T> {
    const writers = await Writers.start(this.server.target, this.plan.rows);
    try {
      return await work(writers);
    } finally {
      const { checked, wrongCount, wrong } = await writers.audit();
      this.ledger.checked += checked;
      this.ledger.wrongCount += wrongCount;
      this.ledger.wrong.push(...wrong);
    }
  }

  /** Rows a second of `INSERT .. SELECT` now. */
  async measureLimit(): Promise<number> {
    const rate = this.rate(await this.server.insertSelect());
    this.limits.push(rate);
    return rate;
  }

  /** What `INSERT .. SELECT` does on this server, the median of what was measured. */
  async limit(): Promise<number> {
    if (this.limits.length === 0) await this.measureLimit();
    return percentile(this.limits, 50);
  }

  /** Rows a second of something that went through all rows. */
  rate(ms: number, rows = this.plan.rows): number {
    return (rows * 1_000) / ms;
  }

  async refill(): Promise<void> {
    await this.server.fill(this.plan.rows);
  }
}

/** Rows a second of a copy that may have been given up. */
export function copyRate({ ms, rowsCopied }: Timed): number {
  return (rowsCopied * 1_000) / ms;
}

/** How writes went. */
export function writes({ latencies, refused, seconds }: Written): Partial<Row> {
  const late = latencies.filter((ms) => ms > LONGEST_STALL_MS).length;
  const longest = latencies.reduce((most, ms) => Math.max(most, ms), 0);
  const pace = `${short(latencies.length / seconds)} a second`;
  const note = `${pace}, longest ${short(longest)} ms, ${late} over ${LONGEST_STALL_MS} ms`;
  return { ...summary(latencies), note: refused > 0 ? `${note}, ${refused} refused` : note };
}

/** The longest of some writes, in milliseconds. */
export function longestOf({ latencies }: Written): number {
  return latencies.reduce((most, ms) => Math.max(most, ms), 0);
}
