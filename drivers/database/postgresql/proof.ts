import { rangeOf } from './ranges';
import type { Drainer } from './drain';
import type { Session } from './session';
import type { Route } from './shadows';
import { heldValues, keyAsTarget, keyColumns, of } from './sql';

/** Rows of the live side that one comparison takes. */
const CHUNK = 50_000;

/** Keys of differing rows that are told. */
const TOLD = 100;

/** What a comparison of one range found. */
export interface Compared {
  readonly rows: number;
  readonly differing: number;
  /** The first of them, by key. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  /** Where it ended; null at the end of the table. */
  readonly end: readonly string[] | null;
}

/** Compares both sides of a shadow, range by range, each in one snapshot in which the log is followed to its end. */
export class Prover {
  constructor(
    private readonly session: Session,
    private readonly route: Route,
    private readonly drainer: Drainer,
  ) {}

  /** @param from the key behind which the range begins; null at the beginning of the table. */
  async step(from: readonly string[] | null): Promise<Compared> {
    return await this.drainer.stepThen(async () => {
      const end = this.inOneOrder() ? await this.chunkEnd(from) : null;
      const [found] = await this.session.query(this.comparison(from, end));
      const keys = (found!.keys ?? []) as readonly (readonly string[])[];
      return {
        rows: Number(found!.n),
        differing: Number(found!.bad),
        keys: keys.map((key) => this.keyOf(key)),
        end,
      };
    });
  }

  /** Whether a range of keys on one side is the same range on the other. */
  private inOneOrder(): boolean {
    const integers = /^(smallint|integer|bigint)$/;
    return this.route.flow.key.every(
      ({ source, target }) =>
        source.collation === target.collation &&
        (source.type === target.type || (integers.test(source.type) && integers.test(target.type))),
    );
  }

  private async chunkEnd(from: readonly string[] | null): Promise<readonly string[] | null> {
    const columns = keyColumns(this.route.flow, 'source', 's');
    const [row] = await this.session.query(
      `SELECT ARRAY[${columns.map((each) => `${each}::text`).join(', ')}] AS key FROM ${this.route.live} s ` +
        `WHERE ${this.range(from, null, 'source')} ORDER BY ${columns.join(', ')} OFFSET ${CHUNK - 1} LIMIT 1`,
    );
    return (row?.key as readonly string[] | undefined) ?? null;
  }

  /**
   * Compares images of rows: equality alone takes 1.0 and 1.00, 0 and -0, `a` and `A` for the same. The rows go through
   * sub-selects, because the operator would be taken column by column otherwise.
   */
  private comparison(from: readonly string[] | null, to: readonly string[] | null): string {
    const { flow, live, target } = this.route;
    const parts = flow.key.map((_, i) => `k${i + 1}`);
    const source = flow.key.map((pair, i) => `${keyAsTarget(pair, of('s', pair.source.name))} AS ${parts[i]!}`);
    const held = keyColumns(flow, 'target', 't').map((column, i) => `${column} AS ${parts[i]!}`);
    const values = flow.carried.map(({ target: column }) => of('t', column.name));
    const sides =
      `(SELECT ${source.join(', ')}, 1 AS p, row(${heldValues(flow, 's').join(', ')}) AS r FROM ${live} s ` +
      `WHERE ${this.range(from, to, 'source')} OFFSET 0) s FULL JOIN ` +
      `(SELECT ${held.join(', ')}, 1 AS p, row(${values.join(', ')}) AS r FROM ${target} t ` +
      `WHERE ${this.range(from, to, 'target')} OFFSET 0) t USING (${parts.join(', ')})`;
    const key = `to_jsonb(ARRAY[${parts.map((part) => `${part}::text`).join(', ')}])`;
    return (
      `SELECT count(*) AS n, count(*) FILTER (WHERE bad) AS bad, ` +
      `(array_agg(${key} ORDER BY ${parts.join(', ')}) FILTER (WHERE bad))[1:${TOLD}] AS keys FROM ` +
      `(SELECT ${parts.join(', ')}, (s.p IS NULL OR t.p IS NULL OR s.r *<> t.r) AS bad FROM ${sides}) AS compared`
    );
  }

  private range(from: readonly string[] | null, to: readonly string[] | null, side: 'source' | 'target'): string {
    return rangeOf(this.route.flow, from, to, side, side === 'source' ? 's' : 't');
  }

  private keyOf(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(this.route.flow.key.map(({ source }, i) => [source.name, values[i]!]));
  }
}
