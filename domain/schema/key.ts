import type { Rename } from './change';
import { columnOf, type Column, type Dialect, type IndexPart, type Table } from './model';

/** A key by which every row of both sides of a shadow is known, or why there is none. */
export type SharedKey = { readonly columns: readonly string[] } | { readonly missing: string };

/** One side of a change of a table. */
export interface Sides {
  readonly dialect: Dialect;
  readonly from: Table;
  readonly to: Table;
  readonly renames: readonly Rename[];
}

/**
 * Chooses the unique not-null key by which rows are copied, logged and compared. The primary key comes first, then the
 * key of the fewest columns. It has to be unique on both sides: what is unique on one alone names two rows of the other.
 * Not usable are keys that the server does not compare exactly (facts: FLOAT and DOUBLE), that cover a part of a value
 * (prefixes, hashes of BLOBs) or a part of the rows (partial indexes, nullable columns), or that nobody writes (generated
 * columns).
 */
export function sharedKey(sides: Sides): SharedKey {
  const old = usableKeys(sides.dialect, sides.from);
  if (old.length === 0)
    return { missing: `table ${sides.from.name} has no primary key and no unique key of columns that are never null` };
  const fresh = usableKeys(sides.dialect, sides.to).map((columns) => columns.toSorted().join('\0'));
  const both = old.find((columns) =>
    fresh.includes(
      columns
        .map((name) => newNameOf(sides, name))
        .toSorted()
        .join('\0'),
    ),
  );
  return both
    ? { columns: both }
    : { missing: `no unique key of table ${sides.from.name} is left: keep one until the next change` };
}

/** What a column of the old side is called on the new. */
export function newNameOf({ from, renames }: Pick<Sides, 'from' | 'renames'>, column: string): string {
  return renames.find((rename) => rename.table === from.name && rename.from === column)?.to ?? column;
}

function usableKeys(dialect: Dialect, table: Table): string[][] {
  const primary = table.primaryKey ? [table.primaryKey.parts] : [];
  const uniques = [
    ...table.uniques.filter(({ kind }) => kind === 'unique').map(({ parts }) => parts),
    ...table.indexes.filter(({ unique, where }) => unique && where === null).map(({ parts }) => parts),
  ].sort((a, b) => a.length - b.length);
  return [...primary, ...uniques].flatMap((parts) => {
    const columns = parts.map((part) => usablePart(dialect, table, part));
    return columns.some((column) => column === null) ? [] : [columns as string[]];
  });
}

function usablePart(dialect: Dialect, table: Table, { column: name, prefix }: IndexPart): string | null {
  const column = name === null ? null : columnOf(table, name);
  return column && prefix === null && !column.nullable && column.generated === null && isExact(dialect, column)
    ? column.name
    : null;
}

/** Types whose values are not what they are printed as, or are not compared whole. */
const inexact: Readonly<Record<'mysql' | 'postgresql', RegExp>> = {
  mysql: /^(float|double|real|tinyblob|blob|mediumblob|longblob|tinytext|text|mediumtext|longtext|json|geometry|bit)\b/,
  postgresql: /^(real|double precision)\b/,
};

function isExact(dialect: Dialect, { type }: Column): boolean {
  return !inexact[dialect === 'postgresql' ? 'postgresql' : 'mysql'].test(type);
}
