import { literal } from '../../../domain/schema/postgresql/quote';
import { widens } from '../../../domain/schema/postgresql/types';
import type { Flow } from '../../../domain/schema/sides';
import { areIntegers, keyColumns, keyParts } from './sql';

/** A key as text, one part after another. */
export type Key = readonly string[];

/** Rows of a side behind one key, up to another and with it; null for either end of the table. */
export function rangeOf(
  flow: Flow,
  from: Key | null,
  to: Key | null,
  side: 'source' | 'target' = 'source',
  alias = 's',
): string {
  const columns = keyColumns(flow, side, alias).join(', ');
  const types = flow.key.map(({ source, target }) =>
    areIntegers(source, target) ? 'bigint' : { source, target }[side].type,
  );
  const values = (key: Key): string => key.map((value, i) => `${literal(value)}::${types[i]!}`).join(', ');
  const bounds = [
    ...(from === null ? [] : [`(${columns}) > (${values(from)})`]),
    ...(to === null ? [] : [`(${columns}) <= (${values(to)})`]),
  ];
  return bounds.length === 0 ? 'true' : bounds.join(' AND ');
}

/** The key that so many rows of a range end with; none when fewer are left. Keys that are passed over are not printed. */
export function keyAfter(flow: Flow, live: string, range: string, rows: number): string {
  const [columns, parts] = [keyColumns(flow, 'source', 's'), keyParts(flow)];
  const named = columns.map((column, i) => `${column} AS ${parts[i]!}`);
  return (
    `SELECT ARRAY[${parts.map((part) => `${part}::text`).join(', ')}] AS key FROM (SELECT ${named.join(', ')} ` +
    `FROM ${live} s WHERE ${range} ORDER BY ${columns.join(', ')} OFFSET ${rows - 1} LIMIT 1) AS last`
  );
}

/** Whether a range of keys on one side is the same range on the other. */
export function inOneOrder({ key }: Flow): boolean {
  return key.every(
    ({ source, target }) =>
      source.collation === target.collation &&
      // A bound of the longer type would be cut on its way to the shorter.
      (areIntegers(source, target) || widens(source.type, target.type)),
  );
}
