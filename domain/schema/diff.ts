import type { ObjectKind, Operation, OperationKind, Rename, SchemaChange } from './change';
import type { DdlWriter } from './ddl';
import { noStatements, type Statements } from './statements';
import { flagsOfAlter, flagsOfDrop } from './flags';
import type { Routine, SchemaModel, Table } from './model';
import { boundRoutines, inReadingOrder, readerOperations, readsViews } from './readers';
import { compareParts, compareTables, same, type Change, type PartsChange, type TableChange } from './table-change';

/**
 * What turns one schema into another, object by object. A column is only renamed where somebody declared it; an
 * undeclared one is dropped and added, and flagged.
 */
export function diff(change: SchemaChange, ddl: DdlWriter): Operation[] {
  const { from, to, renames } = change;
  const tables = compareParts(from.tables, to.tables);
  const back = renames.map(({ table, from: old, to: fresh }) => ({ table, from: fresh, to: old }));
  const bound = boundRoutines(from, to);
  const free = ({ routines }: SchemaModel): readonly Routine[] =>
    inReadingOrder(routines.filter(({ name }) => !bound.has(name)));
  const routines = compareParts(free(from), free(to));
  const disturbed = [
    ...tables.dropped.map(({ name }) => name),
    ...usersOfRemadeTypes(change, ddl),
    ...remadeRoutines(routines, ddl),
    ...tables.changed.filter((pair) => disturbsViews(pair, renames, back, ddl)).map(({ to: table }) => table.name),
  ];
  const readers = readerOperations(from, to, disturbed, ddl);
  const ofTables = readers.filter(({ object, name }) => object === 'routine' && !readsViews(from, to).has(name));
  const simple = [
    // Types change before tables and are taken back after them: both times the tables are what they were.
    ...operations('enum', compareParts(from.enums, to.enums), ddl.createEnum, ddl.dropEnum, (pair) =>
      ddl.alterEnum(pair, from.tables),
    ),
    ...operations('domain', compareParts(from.domains, to.domains), ddl.createDomain, ddl.dropDomain, (pair) =>
      ddl.alterDomain(pair, from.tables),
    ),
    ...operations(
      'sequence',
      compareParts(from.sequences, to.sequences),
      ddl.createSequence,
      ddl.dropSequence,
      ddl.alterSequence,
    ),
    ...operations('routine', routines, ddl.createRoutine, ddl.dropRoutine, ddl.alterRoutine),
  ];
  return [
    ...simple.filter(({ kind }) => kind !== 'DROP'),
    // What of a table may call them comes after them, and views after both.
    ...ofTables,
    ...tables.added.map((table) =>
      operation('CREATE', 'table', table.name, ddl.createTable(table), ddl.dropTable(table)),
    ),
    ...tables.changed.map((pair) => alteration(pair, change, back, ddl)),
    ...tables.dropped.map((table) => ({
      ...operation('DROP', 'table', table.name, ddl.dropTable(table), ddl.createTable(table)),
      flags: flagsOfDrop(table),
    })),
    ...simple.filter(({ kind }) => kind === 'DROP').toReversed(),
    ...readers.filter((operation) => !ofTables.includes(operation)),
  ];
}

function disturbsViews(
  { from, to }: Change<Table>,
  renames: readonly Rename[],
  back: readonly Rename[],
  ddl: DdlWriter,
): boolean {
  // Either way: what is altered is also taken back.
  const both = [compareTables(from, to, renames)!, compareTables(to, from, back)!];
  return both.some((change) => ddl.inTheWay(change).views);
}

/** The tables with columns of types that are made anew. */
function usersOfRemadeTypes({ from, to }: SchemaChange, ddl: DdlWriter): string[] {
  const types = [...compareParts(from.enums, to.enums).changed, ...compareParts(from.domains, to.domains).changed]
    .filter((pair) => ddl.remakes(pair) || ddl.remakes({ from: pair.to, to: pair.from } as typeof pair))
    .map((pair) => pair.from);
  return from.tables
    .filter(({ columns }) => columns.some((column) => types.some((type) => ddl.isOfType(column, type))))
    .map(({ name }) => name);
}

function remadeRoutines({ dropped, changed }: PartsChange<Routine>, ddl: DdlWriter): string[] {
  const remade = changed.filter(
    (pair) => !ddl.alterRoutine(pair) || !ddl.alterRoutine({ from: pair.to, to: pair.from }),
  );
  return [...dropped, ...remade.map((pair) => pair.from)].map(({ name }) => name);
}

function alteration(
  { from, to }: Change<Table>,
  change: SchemaChange,
  back: readonly Rename[],
  ddl: DdlWriter,
): Operation {
  const [there, andBack] = [compareTables(from, to, change.renames)!, compareTables(to, from, back)!];
  const statements = (each: TableChange): Statements =>
    ddl.inTheWay(each).foreignKeys
      ? withoutReferrers(ddl.alterTable(each), from.name, change, ddl)
      : ddl.alterTable(each);
  return {
    ...operation('ALTER', 'table', from.name, statements(there), statements(andBack)),
    flags: flagsOfAlter(there, ddl),
  };
}

/** Takes the foreign keys that refer to a table away for as long as it is altered: those that are there before and after. */
function withoutReferrers(
  statements: Statements,
  table: string,
  { from, to }: SchemaChange,
  ddl: DdlWriter,
): Statements {
  const referrers = from.tables
    .filter(({ name }) => name !== table)
    .flatMap(({ name, foreignKeys }) => {
      const after = to.tables.find((other) => other.name === name)?.foreignKeys ?? [];
      const keys = foreignKeys.filter(
        (key) => key.references.table === table && after.some((other) => same(key, other)),
      );
      return keys.length > 0 ? [{ name, keys }] : [];
    });
  return {
    first: [...referrers.flatMap(({ name, keys }) => ddl.dropForeignKeys(name, keys)), ...statements.first],
    main: statements.main,
    last: [...statements.last, ...referrers.flatMap(({ name, keys }) => ddl.addForeignKeys(name, keys))],
  };
}

type Write<T> = (part: T) => Statements;

function operations<T extends { readonly name: string }>(
  object: ObjectKind,
  { dropped, added, changed }: PartsChange<T>,
  create: Write<T>,
  drop: Write<T>,
  alter: (change: Change<T>) => Statements | null,
): Operation[] {
  const again = ({ from, to }: Change<T>): Statements =>
    alter({ from, to }) ?? { ...noStatements, main: [...drop(from).main, ...create(to).main] };
  return [
    ...added.map((part) => operation('CREATE', object, part.name, create(part), drop(part))),
    ...changed.map((pair) =>
      operation('ALTER', object, pair.to.name, again(pair), again({ from: pair.to, to: pair.from })),
    ),
    ...dropped.map((part) => operation('DROP', object, part.name, drop(part), create(part))),
  ];
}

function operation(
  kind: OperationKind,
  object: ObjectKind,
  name: string,
  ddl: Statements,
  reverse: Statements,
): Operation {
  return { kind, object, name, ddl, reverse, flags: [] };
}
