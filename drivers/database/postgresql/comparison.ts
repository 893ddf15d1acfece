import { widens } from '../../../domain/schema/postgresql/types';
import type { Carried, Flow } from '../../../domain/schema/sides';
import { inOneOrder, rangeOf, type Key } from './ranges';
import type { Route } from './shadows';
import { areIntegers, fills, heldValue, heldValues, keyColumns, of, onBothKeys } from './sql';

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
  const [first] = keyColumns(flow, 'target', 't');
  // A value that does not fit the other side is not converted where there is nothing to compare it with.
  const same = `CASE WHEN ${first!} IS NOT NULL THEN ${sameValues(flow)} ELSE false END`;
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
function sameValues(flow: Flow): string {
  const values = heldValues(flow, 's');
  const conditions: string[] = ['true'];
  const images: (readonly [string, string])[] = [];
  for (const [i, pair] of flow.carried.entries()) {
    const [one, other] = [values[i]!, of('t', pair.target.name)];
    if (isSameValue(pair)) {
      if (!pair.key) conditions.push(`${of('s', pair.source.name)} IS NOT DISTINCT FROM ${other}`);
      continue;
    }
    if (isConverted(pair)) {
      conditions.push(sameEitherWay(pair, one, other, of('s', pair.source.name)));
      continue;
    }
    const equal = `${one} IS NOT DISTINCT FROM ${other}`;
    if (isPlain(pair, /^numeric(?:\(\d+,\d+\))?$/))
      // 1.0 and 1.00 are equal, and their scale is all that tells them apart.
      conditions.push(equal, `scale(${one}) IS NOT DISTINCT FROM scale(${other})`);
    else images.push([one, other]);
  }
  const row = (side: 0 | 1): string => `row(${images.map((each) => each[side]).join(', ')})`;
  // As a function, because the operator would be taken column by column.
  if (images.length > 0) conditions.push(`pg_catalog.record_image_eq(${row(0)}, ${row(1)})`);
  return conditions.join(' AND ');
}

/** Whether a value is the same on both sides, and equal to nothing else: the server compares it without any conversion. */
function isSameValue(pair: Carried): boolean {
  const { source, target } = pair;
  if (!isPlain(pair, exact) || fills(source, target) || fills(target, source)) return false;
  return areIntegers(source, target) || widens(source.type, target.type);
}

/** Whether a value may be another on the other side. */
function isConverted({ source, target }: Carried): boolean {
  return source.type !== target.type || fills(source, target) || fills(target, source);
}

/**
 * What holds of a value that was converted, one way or the other: a value that has not changed since the other side was
 * live is there as it was written, in a form that the live one does not tell, as JSON has it, or a text that became a
 * number; and nothing where the live one has a default.
 */
function sameEitherWay({ source, target }: Carried, held: string, there: string, here: string): string {
  const image = (one: string, other: string): string => `pg_catalog.record_image_eq(row(${one}), row(${other}))`;
  return `CASE WHEN ${image(held, there)} THEN true ELSE ${image(heldValue({ source: target, target: source, key: false }, there), here)} END`;
}

function isPlain({ source, target }: Carried, types: RegExp): boolean {
  return types.test(source.type) && types.test(target.type) && source.collation === null && target.collation === null;
}

/** Names the keys that differ, the first of them. @param told how many at most. */
export function nameDiffering({ flow, live, target }: Route, { from, to }: Range, told: number): string {
  const [source, aside] = [keyColumns(flow, 'source', 's'), keyColumns(flow, 'target', 't')];
  const sides =
    `(SELECT * FROM ${live} s WHERE ${rangeOf(flow, from, to, 'source', 's')}) s FULL JOIN ` +
    `(SELECT * FROM ${target} t WHERE ${rangeOf(flow, from, to, 'target', 't')}) t ON ${onBothKeys(flow, 's', 't')}`;
  const bad = `CASE WHEN ${source[0]!} IS NULL OR ${aside[0]!} IS NULL THEN true ELSE NOT (${sameValues(flow)}) END`;
  const texts = source.map((column, i) => `coalesce(${column}::text, ${aside[i]!}::text)`);
  const order = flow.key.map((pair, i) => {
    const alike = pair.source.type === pair.target.type && pair.source.collation === pair.target.collation;
    const comparable = alike || areIntegers(pair.source, pair.target);
    return comparable ? `coalesce(${source[i]!}, ${aside[i]!})` : `${texts[i]!} COLLATE "C"`;
  });
  return (
    `SELECT count(*) AS n, count(*) FILTER (WHERE bad) AS bad, (array_agg(key ORDER BY ` +
    `${order.map((_, i) => `o${i}`).join(', ')}) FILTER (WHERE bad))[1:${told}] AS keys FROM (SELECT ${bad} AS bad, ` +
    `to_jsonb(ARRAY[${texts.join(', ')}]) AS key, ${order.map((each, i) => `${each} AS o${i}`).join(', ')} ` +
    `FROM ${sides}) AS compared`
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
