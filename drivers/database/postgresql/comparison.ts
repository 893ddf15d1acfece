import type { Carried, Flow } from '../../../domain/schema/sides';
import { inOneOrder, rangeOf, type Key } from './ranges';
import type { Route } from './shadows';
import { heldValues, keyAsTarget, keyColumns, of, onBothKeys } from './sql';

/** A part of both sides: the keys behind one, up to another and with it; null for either end of the table. */
export interface Range {
  readonly from: Key | null;
  readonly to: Key | null;
}

/**
 * Types whose equality is that of their images, where no collation is set: those of databases are deterministic, and
 * compare texts byte by byte. All others are compared as images: 0 and -0, `a` and `A`, 1 day and 24 hours may be equal.
 */
const exact =
  /^(?:smallint|integer|bigint|boolean|text|character varying(?:\(\d+\))?|bytea|uuid|date|(?:timestamp|time)(?:\(\d\))? without time zone|timestamp(?:\(\d\))? with time zone)$/;

/**
 * Counts the rows of each side of some ranges and those that are the same on both: all three are one number where the
 * sides are equal, because a key is on each side once. Parts of one statement: the server shares them out among its
 * processes, and all of them see what this transaction sees.
 */
export function countSame(route: Route, ranges: readonly Range[]): string {
  const { flow, live, target } = route;
  const there = `${keyColumns(flow, 'target', 't')[0]!} IS NOT NULL`;
  const same = [there, ...sameValues(flow)].join(' AND ');
  const parts = ranges.flatMap(({ from, to }) => {
    const [source, aside] = [rangeOf(flow, from, to, 'source', 's'), rangeOf(flow, from, to, 'target', 't')];
    return [
      `SELECT count(*) AS live, count(*) FILTER (WHERE ${same}) AS same, 0::bigint AS aside ` +
        `FROM ${live} s LEFT JOIN ${target} t ON ${onBothKeys(flow, 's', 't')} AND ${aside} WHERE ${source}`,
      `SELECT 0::bigint, 0::bigint, count(*) FROM ${target} t WHERE ${aside}`,
    ];
  });
  return `SELECT sum(live) AS live, sum(same) AS same, sum(aside) AS aside FROM (${parts.join(' UNION ALL ')}) AS parts`;
}

/** What holds of two rows of one key that are the same. */
function sameValues(flow: Flow): string[] {
  const values = heldValues(flow, 's');
  const conditions: string[] = [];
  const images: (readonly [string, string])[] = [];
  for (const [i, pair] of flow.carried.entries()) {
    const [one, other] = [values[i]!, of('t', pair.target.name)];
    const equal = `${one} IS NOT DISTINCT FROM ${other}`;
    if (isPlain(pair, exact)) {
      if (!pair.key) conditions.push(equal);
    } else if (isPlain(pair, /^numeric(?:\(\d+,\d+\))?$/))
      // 1.0 and 1.00 are equal, and their scale is all that tells them apart.
      conditions.push(equal, `scale(${one}) IS NOT DISTINCT FROM scale(${other})`);
    else images.push([one, other]);
  }
  if (images.length === 0) return conditions;
  const row = (side: 0 | 1): string => `row(${images.map((each) => each[side]).join(', ')})`;
  return [...conditions, `pg_catalog.record_image_eq(${row(0)}, ${row(1)})`];
}

function isPlain({ source, target }: Carried, types: RegExp): boolean {
  return types.test(source.type) && types.test(target.type) && source.collation === null && target.collation === null;
}

/**
 * Names the keys that differ. The rows go through sub-selects, because the operator would be taken column by column
 * otherwise.
 * @param told how many are named at most.
 */
export function nameDiffering({ flow, live, target }: Route, { from, to }: Range, told: number): string {
  const parts = flow.key.map((_, i) => `k${i + 1}`);
  const source = flow.key.map((pair, i) => `${keyAsTarget(pair, of('s', pair.source.name))} AS ${parts[i]!}`);
  const held = keyColumns(flow, 'target', 't').map((column, i) => `${column} AS ${parts[i]!}`);
  const values = flow.carried.map(({ target: column }) => of('t', column.name));
  const sides =
    `(SELECT ${source.join(', ')}, 1 AS p, row(${heldValues(flow, 's').join(', ')}) AS r FROM ${live} s ` +
    `WHERE ${rangeOf(flow, from, to, 'source', 's')} OFFSET 0) s FULL JOIN ` +
    `(SELECT ${held.join(', ')}, 1 AS p, row(${values.join(', ')}) AS r FROM ${target} t ` +
    `WHERE ${rangeOf(flow, from, to, 'target', 't')} OFFSET 0) t USING (${parts.join(', ')})`;
  const key = `to_jsonb(ARRAY[${parts.map((part) => `${part}::text`).join(', ')}])`;
  return (
    `SELECT count(*) AS n, count(*) FILTER (WHERE bad) AS bad, ` +
    `(array_agg(${key} ORDER BY ${parts.join(', ')}) FILTER (WHERE bad))[1:${told}] AS keys FROM ` +
    `(SELECT ${parts.join(', ')}, (s.p IS NULL OR t.p IS NULL OR s.r *<> t.r) AS bad FROM ${sides}) AS compared`
  );
}

/**
 * What lets the server walk through both sides by their keys, side by side, where it would sort or hash them otherwise,
 * and the parts of one statement at the same time.
 */
export function planning(flow: Flow): string {
  const off = inOneOrder(flow) ? ['hashjoin', 'nestloop', 'seqscan', 'bitmapscan'] : ['nestloop'];
  const on = ['hashjoin', 'mergejoin', 'seqscan'].filter((each) => !off.includes(each));
  return [
    ...on.map((each) => `SET LOCAL enable_${each} = on`),
    ...off.map((each) => `SET LOCAL enable_${each} = off`),
    'SET LOCAL max_parallel_workers_per_gather = 2',
    'SET LOCAL parallel_setup_cost = 0',
    'SET LOCAL parallel_tuple_cost = 0',
    // Whole parts are shared out, not the scans within one.
    'SET LOCAL min_parallel_table_scan_size = 715827882',
    'SET LOCAL min_parallel_index_scan_size = 715827882',
  ].join('; ');
}
