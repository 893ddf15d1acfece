import type { Constraint, ForeignKey, Index, IndexPart, ReferenceAction } from '../../../domain/schema/model';
import { byTable, nullable, text, type Lookup } from './rows';
import type { Row, Session } from './session';

/** The primary keys and indexes of all tables of the session's schema, by name. */
export async function keysOf(session: Session, dialect: 'mariadb' | 'mysql'): Promise<Lookup<Constraint | Index>> {
  const own =
    dialect === 'mariadb'
      ? "NULL AS expression, IF(ignored = 'YES', 'IGNORED', '') AS hidden"
      : "expression AS expression, IF(is_visible = 'NO', 'INVISIBLE', '') AS hidden";
  const rows = await session.query(
    `SELECT table_name AS table_name, index_name AS name, non_unique AS non_unique, column_name AS column_name,
       sub_part AS prefix, collation AS direction, index_type AS method, index_comment AS comment, ${own}
     FROM information_schema.statistics WHERE table_schema = database()
     ORDER BY table_name, CAST(index_name AS BINARY), seq_in_index`,
  );
  const keys = new Map<string, Row[]>();
  for (const row of rows) {
    const id = JSON.stringify([row.table_name, row.name]);
    keys.set(id, [...(keys.get(id) ?? []), row]);
  }
  return byTable(
    [...keys.values()].map(([first]) => first!),
    (row) => keyOf(keys.get(JSON.stringify([row.table_name, row.name]))!),
  );
}

function keyOf(rows: readonly Row[]): Constraint | Index {
  const [first] = rows as [Row];
  const [key, comment] = [text(first.name), text(first.comment)];
  const parts = rows.map(partOf);
  if (key === 'PRIMARY')
    return { ...{ name: key, kind: 'primary', parts, definition: null }, deferrable: false, comment };
  const method = text(first.method).toLowerCase();
  return {
    ...{ name: key, unique: Number(first.non_unique) === 0, method, parts, where: null, definition: null, comment },
    options: text(first.hidden) === '' ? [] : [text(first.hidden)],
  };
}

function partOf(row: Row): IndexPart {
  return {
    column: nullable(row.column_name),
    expression: nullable(row.expression),
    // Of a spatial index, which has no choice of it, the server tells a length too.
    prefix: row.prefix === null || row.method === 'SPATIAL' ? null : Number(row.prefix),
    descending: row.direction === 'D',
  };
}

/** The foreign keys of all tables of the session's schema, by name. */
export async function foreignKeysOf(session: Session): Promise<Lookup<ForeignKey>> {
  const rows = await session.query(
    `SELECT r.table_name AS table_name, r.constraint_name AS name, r.update_rule AS on_update, r.delete_rule AS on_delete,
       k.column_name AS column_name, k.referenced_table_schema = database() AS here,
       k.referenced_table_schema AS other_schema, k.referenced_table_name AS other, k.referenced_column_name AS other_column
     FROM information_schema.referential_constraints r
     JOIN information_schema.key_column_usage k ON k.constraint_schema = r.constraint_schema
       AND k.constraint_name = r.constraint_name AND k.table_schema = r.constraint_schema AND k.table_name = r.table_name
     WHERE r.constraint_schema = database()
     ORDER BY r.table_name, CAST(r.constraint_name AS BINARY), k.ordinal_position`,
  );
  const columns = new Map<string, Row[]>();
  for (const row of rows) {
    const id = JSON.stringify([row.table_name, row.name]);
    columns.set(id, [...(columns.get(id) ?? []), row]);
  }
  return byTable(
    [...columns.values()].map(([first]) => first!),
    (row) => foreignKeyOf(columns.get(JSON.stringify([row.table_name, row.name]))!),
  );
}

function foreignKeyOf(rows: readonly Row[]): ForeignKey {
  const [first] = rows as [Row];
  return {
    name: text(first.name),
    columns: rows.map((row) => text(row.column_name)),
    references: {
      schema: Number(first.here) === 1 ? null : text(first.other_schema),
      table: text(first.other),
      columns: rows.map((row) => text(row.other_column)),
    },
    onUpdate: action(text(first.on_update)),
    onDelete: action(text(first.on_delete)),
    definition: null,
  };
}

/** NO ACTION is RESTRICT by another word, which one server says of what was not said, and another not. */
function action(rule: string): ReferenceAction {
  return rule === 'NO ACTION' ? 'RESTRICT' : (rule as ReferenceAction);
}
