import type { BodyContext, Routine, Sequence, Table, Trigger, View } from '../model';
import type { PartsChange, TableChange } from '../table-change';
import { checkDefinition, columnDefinition, foreignKeyDefinition, keyDefinition, tableOptions } from './parts';
import { literal, name } from './quote';

/** Statements for MariaDB and MySQL, for a session in the schema, with `foreign_key_checks = 0` where tables refer to others that are not there yet. */
export const mysqlDdl = {
  createTable,
  dropTable,
  alterTable,
  createView,
  dropView,
  createRoutine,
  dropRoutine,
  createSequence,
  dropSequence,
};

function createTable(table: Table): string[] {
  const definitions = [
    ...table.columns.map((column) => columnDefinition(column, table.checks)),
    ...(table.primaryKey ? [keyDefinition(table.primaryKey)] : []),
    ...table.indexes.map(keyDefinition),
    ...table.foreignKeys.map(foreignKeyDefinition),
    ...table.checks.filter(({ column }) => column === null).map(checkDefinition),
  ];
  const partitioning = table.partitioning ? ` PARTITION BY ${table.partitioning.definition}` : '';
  return [
    `CREATE TABLE ${name(table.name)} (\n  ${definitions.join(',\n  ')}\n) ${tableOptions(table)}${partitioning}`,
    ...table.triggers.flatMap((trigger) => createTrigger(table.name, trigger)),
  ];
}

function dropTable(table: Table): string[] {
  return [`DROP TABLE ${name(table.name)}`];
}

/** One ALTER for everything that ALTER can do at once; foreign keys of the same name have to be gone before they are made. */
function alterTable(change: TableChange): string[] {
  const { from, to } = change;
  const drops = [
    ...removed(change.foreignKeys).map((each) => `DROP FOREIGN KEY ${name(each.name)}`),
    ...removed(change.checks)
      .filter(({ column }) => column === null)
      .map((each) => `DROP CONSTRAINT ${name(each.name)}`),
  ];
  const clauses = [
    ...(change.primaryKey?.from ? ['DROP PRIMARY KEY'] : []),
    ...removed(change.indexes).map((each) => `DROP INDEX ${name(each.name)}`),
    ...change.columns.dropped.map((each) => `DROP COLUMN ${name(each.name)}`),
    ...columnClauses(change),
    ...(change.primaryKey?.to ? [`ADD ${keyDefinition(change.primaryKey.to)}`] : []),
    ...made(change.indexes).map((each) => `ADD ${keyDefinition(each)}`),
    ...made(change.checks)
      .filter(({ column }) => column === null)
      .map((each) => `ADD ${checkDefinition(each)}`),
    ...(change.options || change.comment ? [tableOptions(to)] : []),
  ];
  const adds = made(change.foreignKeys).map((each) => `ADD ${foreignKeyDefinition(each)}`);
  const table = name(from.name);
  return [
    ...removed(change.triggers).map((each) => `DROP TRIGGER ${name(each.name)}`),
    ...(drops.length > 0 ? [`ALTER TABLE ${table} ${drops.join(', ')}`] : []),
    ...(change.partitioning && from.partitioning && !to.partitioning
      ? [`ALTER TABLE ${table} REMOVE PARTITIONING`]
      : []),
    ...(clauses.length > 0 ? [`ALTER TABLE ${table} ${clauses.join(', ')}`] : []),
    ...(change.partitioning && to.partitioning
      ? [`ALTER TABLE ${table} PARTITION BY ${to.partitioning.definition}`]
      : []),
    ...(adds.length > 0 ? [`ALTER TABLE ${table} ${adds.join(', ')}`] : []),
    ...made(change.triggers).flatMap((each) => createTrigger(to.name, each)),
  ];
}

/** In the order of the new columns, so that what a column stands behind is where it will be. */
function columnClauses({ columns, from, to, renames }: TableChange): string[] {
  const touched = new Set([
    ...columns.added.map(({ column }) => column.name),
    ...columns.changed.map((each) => each.to.name),
    ...columns.moved.map(({ column }) => column.name),
    // A check that stands at a column goes and comes with the column's definition.
    ...to.columns.map((column) => column.name).filter((own) => checkAt(from, own) !== checkAt(to, own)),
  ]);
  return to.columns.flatMap((column, i) => {
    if (!touched.has(column.name)) return [];
    const definition = columnDefinition(column, to.checks);
    const place = i === 0 ? 'FIRST' : `AFTER ${name(to.columns[i - 1]!.name)}`;
    if (columns.added.some((each) => each.column.name === column.name)) return [`ADD COLUMN ${definition} ${place}`];
    const before = renames.find((rename) => rename.to === column.name)?.from ?? column.name;
    const moved = columns.moved.some((each) => each.column.name === column.name) ? ` ${place}` : '';
    return [`CHANGE COLUMN ${name(before)} ${definition}${moved}`];
  });
}

function checkAt({ checks }: Table, column: string): string | undefined {
  return checks.find((check) => check.column === column)?.expression;
}

function removed<T>({ dropped, changed }: PartsChange<T>): T[] {
  return [...dropped, ...changed.map(({ from }) => from)];
}

function made<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}

/** Made under what it was written under: the sql_mode is part of what a body does. */
function createTrigger(table: string, { name: own, definition, context }: Trigger): string[] {
  const [, timing, body] = /^(\w+ \w+) FOR EACH ROW ([\s\S]*)$/.exec(definition)!;
  return under(context, `TRIGGER ${name(own)} ${timing!} ON ${name(table)} FOR EACH ROW ${body!}`);
}

function createRoutine({ definition, context }: Routine): string[] {
  return under(context, definition.replace(/^CREATE /, ''));
}

/** Statements that make something in the context in which it was written, and put the session back. */
function under(context: BodyContext | null, what: string): string[] {
  if (context === null) return [`CREATE ${what}`];
  const [user, host] = [context.definer.replace(/@[^@]*$/, ''), context.definer.replace(/^.*@/, '')];
  return [
    `SET @gw_sql_mode = @@sql_mode, sql_mode = ${literal(context.sqlMode)}`,
    `CREATE DEFINER=${name(user)}@${name(host)} ${what}`,
    'SET sql_mode = @gw_sql_mode',
  ];
}

function dropRoutine({ name: own, kind }: Routine): string[] {
  return [`DROP ${kind === 'function' ? 'FUNCTION' : 'PROCEDURE'} ${name(own)}`];
}

function createView({ name: own, query, columns, options }: View): string[] {
  const option = (start: string): string => options.find((each) => each.startsWith(start)) ?? '';
  const checked = option('WITH ');
  const head = [option('ALGORITHM='), option('SQL SECURITY '), 'VIEW', name(own)].filter((word) => word !== '');
  const list = columns.map(name).join(', ');
  return [`CREATE ${head.join(' ')} (${list}) AS ${query}${checked === '' ? '' : ` ${checked}`}`];
}

function dropView({ name: own }: View): string[] {
  return [`DROP VIEW ${name(own)}`];
}

function createSequence({ name: own, options }: Sequence): string[] {
  const { start, increment, min, max, cache, cycle } = options;
  return [
    `CREATE SEQUENCE ${name(own)} START WITH ${start} MINVALUE ${min} MAXVALUE ${max} INCREMENT BY ${increment}` +
      ` CACHE ${cache} ${cycle ? 'CYCLE' : 'NOCYCLE'}`,
  ];
}

function dropSequence({ name: own }: Sequence): string[] {
  return [`DROP SEQUENCE ${name(own)}`];
}
