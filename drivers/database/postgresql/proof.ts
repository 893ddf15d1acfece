import { countSame, nameDiffering, planning, type Range } from './comparison';
import type { Drainer } from './drain';
import { inOneOrder, keyAfter, rangeOf, type Key } from './ranges';
import type { Session } from './session';
import type { Route } from './shadows';

/** Keys of differing rows that are told. */
const TOLD = 100;

/** Milliseconds that one range should take: the log waits meanwhile. */
const RANGE_MS = 200;

const FEWEST_ROWS = 500;

/** How many times larger a range may be than the one before it: what the first ones cost by themselves tells nothing. */
const FASTEST_GROWTH = 8;

/** What a comparison of one range found. */
export interface Compared {
  readonly rows: number;
  readonly differing: number;
  /** The first of them, by key. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  /** Where it ended; null at the end of the table. */
  readonly end: Key | null;
}

/** Compares both sides of a shadow, range by range, each in one snapshot in which the log is followed to its end. */
export class Prover {
  /** Of one of the ranges that are compared at the same time. */
  private rows = 1_000;

  constructor(
    private readonly session: Session,
    private readonly route: Route,
    private readonly drainer: Drainer,
  ) {}

  /**
   * @param from the key behind which the range begins; null at the beginning of the table.
   * @param keep what has to be kept with it in the same transaction; what it returns is done once that is committed.
   */
  async step(from: Key | null, keep: (found: Compared) => Promise<() => void>): Promise<void> {
    const kept = await this.drainer.stepThen(async () => await keep(await this.compare(from)));
    kept();
  }

  private async compare(from: Key | null): Promise<Compared> {
    await this.session.execute(planning(this.route.flow));
    const ranges = await this.ranges(from);
    const end = ranges.at(-1)!.to;
    const began = performance.now();
    const [counts] = await this.session.query(countSame(this.route, ranges));
    const factor = Math.min(Math.max(RANGE_MS / Math.max(performance.now() - began, 1), 0.5), FASTEST_GROWTH);
    this.rows = Math.min(Math.max(Math.round(this.rows * factor), FEWEST_ROWS), 200_000);
    const [onLive, aside, same] = [Number(counts!.live), Number(counts!.aside), Number(counts!.same)];
    if (onLive === same && aside === same) return { rows: same, differing: 0, keys: [], end };
    return { ...(await this.differing({ from, to: end })), end };
  }

  /** The next two ranges; all of the table where its order is not that of the other side. */
  private async ranges(from: Key | null): Promise<readonly Range[]> {
    const { flow, live } = this.route;
    if (!inOneOrder(flow)) return [{ from, to: null }];
    const [middle] = await this.session.query(keyAfter(flow, live, rangeOf(flow, from, null), this.rows));
    const first: Range = { from, to: (middle?.key ?? null) as Key | null };
    if (first.to === null) return [first];
    const [end] = await this.session.query(keyAfter(flow, live, rangeOf(flow, first.to, null), this.rows));
    return [first, { from: first.to, to: (end?.key ?? null) as Key | null }];
  }

  private async differing(range: Range): Promise<Omit<Compared, 'end'>> {
    await this.session.execute(planning(this.route.flow).replaceAll('= off', '= on'));
    const [found] = await this.session.query(nameDiffering(this.route, range, TOLD));
    const keys = (found!.keys ?? []) as readonly (readonly string[])[];
    return { rows: Number(found!.n), differing: Number(found!.bad), keys: keys.map((key) => this.keyOf(key)) };
  }

  private keyOf(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(this.route.flow.key.map(({ source }, i) => [source.name, values[i]!]));
  }
}
