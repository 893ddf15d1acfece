import type { Constraint, Index, Table } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import { createBareTable, indexesAndComments, rowSecurityOf } from '../../../domain/schema/postgresql/table-ddl';
import { asideName } from './names';
import { text } from './rows';
import { rememberNames } from './satellites';
import type { Session } from './session';
import { commentOf } from './state';

/**
 * Makes a table of the new side beside what is live, without foreign keys and triggers, under names of its own.
 * @param owner null for whoever this session is.
 */
export async function createNewSide(
  session: Session,
  change: PlannedChange,
  table: Table,
  owner: string | null,
): Promise<void> {
  const aside = asideTable(table);
  const own = name(aside.name);
  await session.execute(
    [
      createBareTable(aside),
      ...indexesAndComments(aside),
      ...rowSecurityOf(aside),
      `COMMENT ON TABLE ${own} IS ${literal(commentOf(change))}`,
      ...(owner === null ? [] : [`ALTER TABLE ${own} OWNER TO ${name(owner)}`]),
    ].join(';\n'),
  );
  const names: Record<string, string> = {};
  for (const column of table.columns.filter(({ identity }) => identity !== null)) {
    const [sequence] = await sequences(session, own, column.name);
    const [before] = await sequences(session, name(table.name), column.name);
    const live = before?.name ?? `${table.name}_${column.name}_seq`;
    await session.execute(`ALTER SEQUENCE ${name(sequence!.name)} RENAME TO ${name(asideName(live, 'new'))}`);
    names[sequence!.oid] = live;
  }
  await rememberNames(session, change.id, names);
}

/** The sequence of an identity column; none when the table is not there, or numbers its rows in another way. */
async function sequences(
  session: Session,
  table: string,
  column: string,
): Promise<readonly { readonly oid: string; readonly name: string }[]> {
  const rows = await session.query(
    `SELECT c.oid::text, c.relname AS name FROM pg_attribute a
     JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
       AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
     JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
     WHERE a.attrelid = to_regclass($1) AND a.attname = $2`,
    [table, column],
  );
  return rows.map((row) => ({ oid: text(row.oid), name: text(row.name) }));
}

/** A table of the new side as it is before it is live. */
function asideTable(table: Table): Table {
  const aside = <T extends Constraint | Index>(part: T): T => ({ ...part, name: asideName(part.name, 'new') });
  const all = [...(table.primaryKey ? [table.primaryKey] : []), ...table.uniques, ...table.indexes];
  const identity = all.find((index) => table.options['REPLICA IDENTITY'] === `USING INDEX ${name(index.name)}`);
  return {
    ...table,
    name: asideName(table.name, 'new'),
    primaryKey: table.primaryKey && aside(table.primaryKey),
    uniques: table.uniques.map(aside),
    indexes: table.indexes.map(aside),
    foreignKeys: [],
    triggers: [],
    comment: '',
    options: {
      ...table.options,
      ...(identity ? { 'REPLICA IDENTITY': `USING INDEX ${name(aside(identity).name)}` } : {}),
    },
  };
}
