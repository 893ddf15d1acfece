import type { Check, Constraint, ForeignKey, Index, IndexPart, ReferenceAction } from '../../../domain/schema/model';
import { byTable, nullable, text, type Lookup, quotedSchema } from './rows';
import type { Row, Session } from './session';

/** The parts of an index, in order: a column, or an expression as it is printed. Columns that are only included are not. */
const parts = `(SELECT json_agg(json_build_object('column', a.attname, 'descending', (i.indoption[k.n - 1] & 1) = 1,
    'expression', CASE WHEN a.attname IS NULL THEN pg_get_indexdef(i.indexrelid, k.n::int, true) END) ORDER BY k.n)
  FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k (attnum, n)
  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0)`;

/** The primary keys, unique and exclusion constraints of all tables of the session's schema, by name. */
export async function keysOf(session: Session): Promise<Lookup<Constraint>> {
  const rows = await session.query(
    `SELECT c.conrelid::text AS table_oid, c.conname AS name, c.contype AS kind, c.condeferrable AS deferrable,
       pg_get_constraintdef(c.oid, true) AS definition, ${parts} AS parts,
       coalesce(obj_description(c.oid, 'pg_constraint'), '') AS comment
     FROM pg_constraint c JOIN pg_index i ON i.indexrelid = c.conindid
     WHERE c.connamespace = $1::regnamespace AND c.contype IN ('p', 'u', 'x') ORDER BY c.conname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    kind: ({ p: 'primary', u: 'unique', x: 'exclusion' } as const)[text(row.kind) as 'p' | 'u' | 'x'],
    parts: partsOf(row),
    definition: text(row.definition),
    deferrable: row.deferrable === true,
    comment: text(row.comment),
  }));
}

/** The indexes of all tables of the session's schema that no constraint has, by name. */
export async function indexesOf(session: Session): Promise<Lookup<Index>> {
  const rows = await session.query(
    `SELECT i.indrelid::text AS table_oid, c.relname AS name, i.indisunique AS is_unique, m.amname AS method,
       ${parts} AS parts, pg_get_expr(i.indpred, i.indrelid, true) AS condition,
       pg_get_indexdef(i.indexrelid, 0, true) AS definition,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
     JOIN pg_am m ON m.oid = c.relam
     WHERE c.relnamespace = $1::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY c.relname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    unique: row.is_unique === true,
    method: text(row.method),
    parts: partsOf(row),
    where: nullable(row.condition),
    // Behind the names of the index and of its table, which is where it begins to tell what is indexed how.
    definition: text(row.definition).replace(/^[\s\S]*? USING (?=\w+ \()/, ''),
    comment: text(row.comment),
    options: [],
  }));
}

function partsOf(row: Row): IndexPart[] {
  return (row.parts as { column: string | null; expression: string | null; descending: boolean }[]).map(
    ({ column, expression, descending }) => ({ column, expression, prefix: null, descending }),
  );
}

const actions: Readonly<Record<string, ReferenceAction>> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

/** The foreign keys of all tables of the session's schema, by name. */
export async function foreignKeysOf(session: Session): Promise<Lookup<ForeignKey>> {
  const columns = (side: 'conrelid' | 'confrelid', key: 'conkey' | 'confkey'): string =>
    `(SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(c.${key}) WITH ORDINALITY k (attnum, n)
      JOIN pg_attribute a ON a.attrelid = c.${side} AND a.attnum = k.attnum)`;
  const rows = await session.query(
    `SELECT c.conrelid::text AS table_oid, c.conname AS name, c.confupdtype AS on_update, c.confdeltype AS on_delete,
       pg_get_constraintdef(c.oid, true) AS definition, ${columns('conrelid', 'conkey')} AS columns,
       ${columns('confrelid', 'confkey')} AS other_columns, o.relname AS other,
       CASE WHEN o.relnamespace <> c.connamespace THEN n.nspname END AS other_schema
     FROM pg_constraint c JOIN pg_class o ON o.oid = c.confrelid JOIN pg_namespace n ON n.oid = o.relnamespace
     JOIN pg_class t ON t.oid = c.conrelid
     WHERE c.connamespace = $1::regnamespace AND c.contype = 'f' AND c.conparentid = 0 ORDER BY c.conname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    columns: row.columns as string[],
    references: {
      schema: nullable(row.other_schema),
      table: text(row.other),
      columns: row.other_columns as string[],
    },
    onUpdate: actions[text(row.on_update)]!,
    onDelete: actions[text(row.on_delete)]!,
    definition: text(row.definition),
  }));
}

/** The checks of all tables of the session's schema, by name, as whole definitions. */
export async function checksOf(session: Session): Promise<Lookup<Check>> {
  const rows = await session.query(
    `SELECT c.conrelid::text AS table_oid, c.conname AS name, c.convalidated AS validated,
       pg_get_constraintdef(c.oid, true) AS definition, coalesce(obj_description(c.oid, 'pg_constraint'), '') AS comment
     FROM pg_constraint c WHERE c.connamespace = $1::regnamespace AND c.contype = 'c' AND c.conrelid <> 0
     ORDER BY c.conname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    expression: text(row.definition).replace(/ NOT VALID$/, ''),
    column: null,
    validated: row.validated === true,
    comment: text(row.comment),
  }));
}
