import type { Row } from './session';

/** Things by the name of the table that they belong to. */
export type Lookup<T> = ReadonlyMap<string, readonly T[]>;

/** A value of a row as text; null is empty. */
export function text(value: Row[string] | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

/** A value of a row as text, or null. */
export function nullable(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** What belongs to one table. */
export function grouped<T>(lookup: Lookup<T>, table: string): readonly T[] {
  return lookup.get(table) ?? [];
}

/** Makes things of rows, by the table that each row names as `table_name`. Rows without a thing are left out. */
export function byTable<T>(rows: readonly Row[], make: (row: Row) => T | null): Lookup<T> {
  const lookup = new Map<string, T[]>();
  for (const row of rows) {
    const made = make(row);
    if (made === null) continue;
    const table = text(row.table_name);
    lookup.set(table, [...(lookup.get(table) ?? []), made]);
  }
  return lookup;
}
