import type { DdlWriter } from '../ddl';
import type { Statements } from '../statements';
import type { BodyContext, Column, ForeignKey, Index, Sequence, Table, Trigger, View } from '../model';
import type { Change, PartsChange, TableChange } from '../table-change';
import { checkDefinition, columnDefinition, foreignKeyDefinition, keyDefinition, tableOptions } from './parts';
import { literal, name } from './quote';
import { widens } from './types';

/** Statements for MariaDB and MySQL, for sessions with the sql_mode of {@link engineMode}. */
export const mysqlDdl: DdlWriter = {
  createTable,
  dropTable: ({ name: own, foreignKeys, triggers }) => ({
    // Rows of tables that refer to each other could not go in any order.
    first: [...dropTriggers(triggers), ...dropForeignKeys(own, foreignKeys)],
    main: [`DROP TABLE ${name(own)}`],
    last: [],
  }),
  alterTable,
  createView: (view) => main(createView(view)),
  dropView: (view) => main(`DROP VIEW ${name(view.name)}`),
  createRoutine: ({ definition, context }) => main(...under(context, definition.replace(/^CREATE /, ''))),
  dropRoutine: ({ name: own, kind }) => main(`DROP ${kind === 'function' ? 'FUNCTION' : 'PROCEDURE'} ${name(own)}`),
  createSequence: (sequence) => main(createSequence(sequence)),
  dropSequence: ({ name: own }) => main(`DROP SEQUENCE ${name(own)}`),
  createEnum: foreign,
  dropEnum: foreign,
  createDomain: foreign,
  dropDomain: foreign,
  alterEnum: foreign,
  alterDomain: foreign,
  remakes: () => false,
  isOfType: () => false,
  // There is no way to alter one; dropping and making it is what people do, too.
  alterRoutine: () => null,
  alterSequence: () => null,
  widens,
  // Views are only looked at when they are used, and keys that are referred to may be made anew in one statement.
  viewsBind: false,
  inTheWay: () => ({ views: false, foreignKeys: false }),
  addForeignKeys,
  dropForeignKeys,
};

/** The sql_mode that the statements are written for: nothing is cut or made up to fit, and zero dates may stay. */
export const engineMode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION';

function main(...statements: string[]): Statements {
  return { first: [], main: statements, last: [] };
}

function foreign(): never {
  throw new Error('there are no types of one’s own on MariaDB and MySQL');
}

/** With its foreign keys and triggers last: the tables that they mean may come later. */
function createTable(table: Table): Statements {
  return {
    first: [],
    main: [createBareTable(table)],
    last: [...addForeignKeys(table.name, table.foreignKeys), ...triggerStatements(table.name, table.triggers)],
  };
}

/** A table without its foreign keys and triggers. */
export function createBareTable(table: Table): string {
  const definitions = [
    ...table.columns.map((column) => columnDefinition(column, table.checks)),
    ...(table.primaryKey ? [keyDefinition(table.primaryKey)] : []),
    ...table.indexes.map(keyDefinition),
    ...table.checks.filter(({ column }) => column === null).map(checkDefinition),
  ];
  const partitioning = table.partitioning ? ` PARTITION BY ${table.partitioning.definition}` : '';
  return `CREATE TABLE ${name(table.name)} (\n  ${definitions.join(',\n  ')}\n) ${tableOptions(table)}${partitioning}`;
}

/** One ALTER for everything that ALTER can do at once, between the foreign keys that go and those that come. */
function alterTable(change: TableChange): Statements {
  const { from, to } = change;
  const remade = change.columns.changed.filter(mustBeRemade);
  const onRemade = indexesOn(change, new Set(remade.map((each) => each.to.name)));
  const clauses = [
    ...removed(change.checks)
      .filter(({ column }) => column === null)
      .map((each) => `DROP CONSTRAINT ${name(each.name)}`),
    ...(change.primaryKey?.from ? ['DROP PRIMARY KEY'] : []),
    ...[...removed(change.indexes), ...onRemade.map(({ from: index }) => index)].map(
      (each) => `DROP INDEX ${name(each.name)}`,
    ),
    ...[...change.columns.dropped, ...remade.map((each) => each.from)].map((each) => `DROP COLUMN ${name(each.name)}`),
    ...columnClauses(change),
    ...(change.primaryKey?.to ? [`ADD ${keyDefinition(change.primaryKey.to)}`] : []),
    ...[...made(change.indexes), ...onRemade.map(({ to: index }) => index)].map((each) => `ADD ${keyDefinition(each)}`),
    ...made(change.checks)
      .filter(({ column }) => column === null)
      .map((each) => `ADD ${checkDefinition(each)}`),
    // Said again, an engine makes the server build the table anew.
    ...(change.options ? [tableOptions(to)] : change.comment ? [`COMMENT=${literal(to.comment)}`] : []),
  ];
  const table = `ALTER TABLE ${name(from.name)}`;
  const [parted, partition] = [change.partitioning && from.partitioning, change.partitioning && to.partitioning];
  return {
    first: [...dropTriggers(removed(change.triggers)), ...dropForeignKeys(from.name, removed(change.foreignKeys))],
    main: [
      ...(parted && !partition ? [`${table} REMOVE PARTITIONING`] : []),
      ...(clauses.length > 0 ? [`${table} ${clauses.join(', ')}`] : []),
      ...(partition ? [`${table} PARTITION BY ${partition.definition}`] : []),
    ],
    last: [...addForeignKeys(to.name, made(change.foreignKeys)), ...triggerStatements(to.name, made(change.triggers))],
  };
}

function dropForeignKeys(table: string, keys: readonly ForeignKey[]): string[] {
  const drops = keys.map((key) => `DROP FOREIGN KEY ${name(key.name)}`);
  return drops.length > 0 ? [`ALTER TABLE ${name(table)} ${drops.join(', ')}`] : [];
}

function addForeignKeys(table: string, keys: readonly ForeignKey[]): string[] {
  const adds = keys.map((key) => `ADD ${foreignKeyDefinition(key)}`);
  return adds.length > 0 ? [`ALTER TABLE ${name(table)} ${adds.join(', ')}`] : [];
}

function dropTriggers(triggers: readonly Trigger[]): string[] {
  return triggers.map((trigger) => `DROP TRIGGER ${name(trigger.name)}`);
}

/** In the order of the new columns, so that what a column stands behind is where it will be. */
function columnClauses({ columns, from, to, renames }: TableChange): string[] {
  // The server gives another character set of a table to those columns alone that are defined with it.
  const recoded = from.options.CHARSET !== to.options.CHARSET || from.options.COLLATE !== to.options.COLLATE;
  const touched = new Set([
    ...to.columns.filter((column) => recoded && followsTable(column)).map((column) => column.name),
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
    const again = columns.changed.some((each) => each.to === column && mustBeRemade(each));
    if (again || columns.added.some((each) => each.column === column)) return [`ADD COLUMN ${definition} ${place}`];
    const before = renames.find((rename) => rename.to === column.name)?.from ?? column.name;
    const moved = columns.moved.some((each) => each.column.name === column.name) ? ` ${place}` : '';
    return [`CHANGE COLUMN ${name(before)} ${definition}${moved}`];
  });
}

/** Whether a column is of text in the character set of its table. */
function followsTable({ type, collation }: Column): boolean {
  return collation === null && /^(char|varchar|(tiny|medium|long)?text|enum|set)\b/i.test(type);
}

/** A column that begins or ceases to be generated cannot be changed in place; it goes and comes again. */
function mustBeRemade({ from, to }: { readonly from: Column; readonly to: Column }): boolean {
  return JSON.stringify(from.generated) !== JSON.stringify(to.generated);
}

/** The indexes that stay as they are, and are on one of the columns. */
function indexesOn({ from, to, indexes }: TableChange, columns: ReadonlySet<string>): Change<Index>[] {
  const changed = new Set([...removed(indexes), ...made(indexes)].map(({ name: own }) => own));
  return to.indexes
    .filter(({ name: own, parts }) => !changed.has(own) && parts.some(({ column }) => columns.has(column ?? '')))
    .map((index) => ({ from: from.indexes.find(({ name: own }) => own === index.name)!, to: index }));
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

/** In their order, which is the order in which they fire; each made under what it was written under. */
export function triggerStatements(table: string, triggers: readonly Trigger[]): string[] {
  return triggers.flatMap(({ name: own, definition, context }) => {
    const [, timing, body] = /^(\w+ \w+) FOR EACH ROW ([\s\S]*)$/.exec(definition)!;
    return under(context, `TRIGGER ${name(own)} ${timing!} ON ${name(table)} FOR EACH ROW ${body!}`);
  });
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

function createView({ name: own, query, columns, options }: View): string {
  const option = (start: string): string => options.find((each) => each.startsWith(start)) ?? '';
  const checked = option('WITH ');
  const head = [option('ALGORITHM='), option('SQL SECURITY '), 'VIEW', name(own)].filter((word) => word !== '');
  const list = columns.map(name).join(', ');
  return `CREATE ${head.join(' ')} (${list}) AS ${query}${checked === '' ? '' : ` ${checked}`}`;
}

function createSequence({ name: own, options }: Sequence): string {
  const { start, increment, min, max, cache, cycle } = options;
  return (
    `CREATE SEQUENCE ${name(own)} START WITH ${start} MINVALUE ${min} MAXVALUE ${max} INCREMENT BY ${increment}` +
    ` CACHE ${cache} ${cycle ? 'CYCLE' : 'NOCYCLE'}`
  );
}
