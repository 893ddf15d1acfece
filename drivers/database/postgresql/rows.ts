import { name } from '../../../domain/schema/postgresql/quote';
import type { Row, Session } from './session';

/** Things by the object id of the table that they belong to. */
export type Lookup<T> = ReadonlyMap<string, readonly T[]>;

/** A value of a row as text; null is empty. */
export function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value as string | number);
}

/** A value of a row as text, or null. */
export function nullable(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value as string | number);
}

/** What belongs to one table. */
export function grouped<T>(lookup: Lookup<T>, table: string): readonly T[] {
  return lookup.get(table) ?? [];
}

/** Makes things of rows, by the table whose object id each row has as `table_oid`. */
export function byTable<T>(rows: readonly Row[], make: (row: Row) => T): Lookup<T> {
  const lookup = new Map<string, T[]>();
  for (const row of rows) {
    const table = text(row.table_oid);
    lookup.set(table, [...(lookup.get(table) ?? []), make(row)]);
  }
  return lookup;
}

/** SQL that holds for what an extension made, which is the extension's to change. */
export function ownedByExtension(catalog: string, oid: string): string {
  return `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;
}

/** The schema's name as `regnamespace` reads it. */
export function quotedSchema({ schema }: Session): string {
  return name(schema);
}
