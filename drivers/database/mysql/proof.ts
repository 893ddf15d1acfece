import { nextChunk } from '../../../domain/schema/pace';
import type { Proof } from '../engine';
import type { Route } from './batch';
import { Comparison, type Compared } from './comparison';
import { transaction } from './engine-session';
import { sameOrder, turned } from './equality';
import type { ExactCollations } from './exact-collations';
import { KeyWalk, Mark, type Chunk } from './key-walk';
import type { Point } from './points';
import { ProofMark } from './proof-mark';
import type { Session } from './session';

/** Keys of differing rows that are named. */
const MOST_NAMED = 100;

/** A chunk of a comparison may take longer than one of a copy, and have more rows: it locks nothing. */
const BUDGET_MS = 150;
const LARGEST = 200_000;
const FASTEST_GROWTH = 8;

/** Marks up to which chunks go that are compared at the same time, each in a session of its own. */
const ENDS = [Mark.provenFirst, Mark.provenSecond] as const;

/** How many sessions a comparison works with: as many as chunks are compared at once. */
export const PROVERS = ENDS.length;

type Differing = Proof['differing'][number];

/**
 * Compares both sides row by row. Each chunk is read by one statement, and so in one snapshot, together with the log: rows
 * that have a note are not followed yet, and everything else must be the same, byte for byte. So each chunk is a proof by
 * itself, whenever and by whomever it was made, and whoever comes after a process that ended goes on where that was.
 */
export class Prover {
  private readonly mark: ProofMark;
  private readonly comparison: Comparison;
  private readonly found: Differing[] = [];
  private differingCount = 0;

  /** @param sessions the first writes down how far it is. */
  constructor(
    private readonly sessions: readonly Session[],
    private readonly route: Route,
    private readonly cursor: string,
    table: string,
    exact: ExactCollations,
    private readonly point: Point,
  ) {
    this.mark = new ProofMark(sessions[0]!, cursor);
    this.comparison = new Comparison(route, table, exact);
  }

  /**
   * @param pause between chunks.
   * @throws Failure CONFLICT when another process compares the same.
   */
  async run(signal: AbortSignal, pause: (workedMs: number) => Promise<void>): Promise<Proof> {
    const known = await this.mark.take();
    if (!known.has(Mark.compared)) {
      if (!known.has(Mark.walked)) await this.walkLive(signal, pause);
      if (sameOrder(this.route.flow)) await this.note(await this.beyond(), Mark.compared);
      else await this.walkOther(signal, pause);
    }
    return { rowsCompared: await this.mark.rows(), differing: this.found, differingCount: this.differingCount };
  }

  /** Forgets how far it was: the next comparison begins anew. */
  async end(): Promise<void> {
    await this.mark.end();
  }

  private async walkLive(signal: AbortSignal, pause: (workedMs: number) => Promise<void>): Promise<void> {
    const { flow, live, target } = this.route;
    const along = (side: 'live' | 'target', from: Mark): KeyWalk =>
      side === 'live'
        ? new KeyWalk(this.sessions[0]!, flow, live, this.cursor, from)
        : new KeyWalk(this.sessions[0]!, turned(flow), target, this.cursor, from);
    const walks = this.sessions.map((_, i) => {
      const from = i === 0 ? Mark.proven : ENDS[i - 1]!;
      return { end: ENDS[i]!, along: along('live', from), beside: along('target', from) };
    });
    await this.endAt(walks[0]!.along, Mark.provenEnd);
    for (let rows = 1_000; ;) {
      signal.throwIfAborted();
      const began = performance.now();
      const chunks = await this.mark.transaction(async () => {
        const ahead: { readonly end: Mark; readonly chunk: Chunk; readonly beside: Chunk }[] = [];
        for (const { end, along, beside } of walks) {
          if (!(await along.advance(rows, end, Mark.provenEnd))) break;
          ahead.push({ end, chunk: await along.chunk(end), beside: await beside.chunk(end) });
        }
        return ahead;
      });
      if (chunks.length === 0) break;
      // What it costs to write down how far it is has nothing to do with how many rows there are.
      const comparing = performance.now();
      const compared = await Promise.all(
        chunks.map(async ({ chunk, beside }, i) => await this.comparison.both(this.sessions[i]!, chunk, beside)),
      );
      rows = nextChunk(rows, performance.now() - comparing, BUDGET_MS, LARGEST, FASTEST_GROWTH);
      await this.note(
        together(compared),
        null,
        async (count) => await walks[0]!.along.arrive(chunks.at(-1)!.end, count),
      );
      await pause(performance.now() - began);
    }
    await this.mark.transaction(async () => await this.mark.set(Mark.walked, 1));
  }

  private async endAt(walk: KeyWalk, mark: Mark): Promise<void> {
    await this.mark.transaction(async () => {
      if (!(await walk.has(mark))) await walk.setEnd(mark);
    });
  }

  /** Rows of the other side behind the last one of the live side. */
  private async beyond(): Promise<Compared> {
    const [session] = this.sessions;
    const walk = new KeyWalk(session!, turned(this.route.flow), this.route.target, this.cursor, Mark.proven);
    return await transaction(session!, async () => await this.comparison.surplus(session!, await walk.chunk()));
  }

  private async walkOther(signal: AbortSignal, pause: (workedMs: number) => Promise<void>): Promise<void> {
    const [session] = this.sessions;
    const walk = new KeyWalk(session!, turned(this.route.flow), this.route.target, this.cursor, Mark.provenOther);
    await this.endAt(walk, Mark.provenOtherEnd);
    for (let rows = 1_000; ;) {
      signal.throwIfAborted();
      const began = performance.now();
      const chunk = await this.mark.transaction(async () =>
        (await walk.advance(rows, Mark.provenOtherChunk, Mark.provenOtherEnd))
          ? await walk.chunk(Mark.provenOtherChunk)
          : null,
      );
      if (chunk === null) break;
      const comparing = performance.now();
      const compared = await transaction(session!, async () => await this.comparison.surplus(session!, chunk));
      rows = nextChunk(rows, performance.now() - comparing, BUDGET_MS, LARGEST, FASTEST_GROWTH);
      await this.note(compared, null, async () => await walk.arrive(Mark.provenOtherChunk, 0));
      await pause(performance.now() - began);
    }
    await this.mark.transaction(async () => await this.mark.set(Mark.compared, 1));
  }

  /** Writes down what was found, and how far it is. */
  private async note(
    { rows, count, keys }: Compared,
    over: Mark | null,
    arrive?: (rows: number) => Promise<void>,
  ): Promise<void> {
    await this.mark.transaction(async () => {
      await arrive?.(rows);
      if (count > 0) await this.mark.set(Mark.differing, this.differingCount + count);
      if (over !== null) await this.mark.set(over, 1);
    });
    this.differingCount += count;
    this.found.push(...keys.slice(0, MOST_NAMED - this.found.length));
    await this.point('prove.chunk');
  }
}

function together(all: readonly Compared[]): Compared {
  return {
    rows: all.reduce((sum, { rows }) => sum + rows, 0),
    count: all.reduce((sum, { count }) => sum + count, 0),
    keys: all.flatMap(({ keys }) => keys),
  };
}
