import { ownedByExtension, quotedSchema, text } from './rows';
import type { Session } from './session';

/** What no model has beside its name. What belongs to a table is not among it: it is carried along, or refused. */
const others: readonly (readonly [kind: string, catalog: string, name: string, namespace: string, where: string])[] = [
  [
    'composite type',
    'pg_type',
    'typname',
    'typnamespace',
    "x.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = x.typrelid AND c.relkind = 'c')",
  ],
  ['range type', 'pg_type', 'typname', 'typnamespace', "x.typtype = 'r'"],
  [
    'base type',
    'pg_type',
    'typname',
    'typnamespace',
    "x.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = x.oid)",
  ],
  ['aggregate or window function', 'pg_proc', 'oid::regprocedure', 'pronamespace', "x.prokind IN ('a', 'w')"],
  ['operator', 'pg_operator', 'oid::regoperator', 'oprnamespace', 'true'],
  ['operator class', 'pg_opclass', 'opcname', 'opcnamespace', 'true'],
  ['collation', 'pg_collation', 'collname', 'collnamespace', 'true'],
  ['conversion', 'pg_conversion', 'conname', 'connamespace', 'true'],
  ['text search configuration', 'pg_ts_config', 'cfgname', 'cfgnamespace', 'true'],
  ['text search dictionary', 'pg_ts_dict', 'dictname', 'dictnamespace', 'true'],
  ['foreign table', 'pg_class', 'relname', 'relnamespace', "x.relkind = 'f'"],
];

/** Everything of the session's schema that is of a kind which no change makes or drops, with its kind, by name. */
export async function othersOf(session: Session): Promise<readonly string[]> {
  const selects = others.map(
    ([kind, catalog, own, namespace, where]) =>
      `SELECT '${kind} ' || x.${own}::text AS what FROM ${catalog} x WHERE x.${namespace} = $1::regnamespace AND ${where} ` +
      `AND NOT ${ownedByExtension(catalog, 'x.oid')}`,
  );
  const rows = await session.query(
    `SELECT what FROM (${selects.join(' UNION ALL ')}) every ORDER BY what COLLATE "C"`,
    [quotedSchema(session)],
  );
  return rows.map((row) => text(row.what));
}
