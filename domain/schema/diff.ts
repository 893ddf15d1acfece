import type { ObjectKind, Operation, OperationKind, Rename, SchemaChange } from './change';
import { noStatements, type DdlWriter, type Statements } from './ddl';
import { flagsOfAlter, flagsOfDrop } from './flags';
import type { SchemaModel, Table, View } from './model';
import { compareParts, compareTables, same, type Change, type PartsChange, type TableChange } from './table-change';

/**
 * What turns one schema into another, object by object. A column is only renamed where somebody declared it; an
 * undeclared one is dropped and added, and flagged.
 */
export function diff(change: SchemaChange, ddl: DdlWriter): Operation[] {
  const { from, to, renames } = change;
  const tables = compareParts(from.tables, to.tables);
  const back = renames.map(({ table, from: old, to: fresh }) => ({ table, from: fresh, to: old }));
  const disturbed = [
    ...tables.dropped.map(({ name }) => name),
    ...usersOfRemadeTypes(change, ddl),
    ...tables.changed.filter((pair) => disturbsViews(pair, renames, back, ddl)).map(({ to: table }) => table.name),
  ];
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
    ...operations(
      'routine',
      compareParts(from.routines, to.routines),
      ddl.createRoutine,
      ddl.dropRoutine,
      ddl.alterRoutine,
    ),
  ];
  return [
    ...simple.filter(({ kind }) => kind !== 'DROP'),
    ...tables.added.map((table) =>
      operation('CREATE', 'table', table.name, ddl.createTable(table), ddl.dropTable(table)),
    ),
    ...tables.changed.map((pair) => alteration(pair, change, back, ddl)),
    ...tables.dropped.map((table) => ({
      ...operation('DROP', 'table', table.name, ddl.dropTable(table), ddl.createTable(table)),
      flags: flagsOfDrop(table),
    })),
    ...simple.filter(({ kind }) => kind === 'DROP'),
    ...viewOperations(from, to, disturbed, ddl),
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

/** Views in an order in which they can be made. Those that stay but read what changes go first and come back. */
function viewOperations(from: SchemaModel, to: SchemaModel, disturbed: readonly string[], ddl: DdlWriter): Operation[] {
  const { dropped, changed } = compareParts(from.views, to.views);
  const remade = new Set(changed.map((pair) => pair.to.name));
  const moving = [...disturbed, ...dropped.map(({ name }) => name), ...remade];
  const inTheWay = ddl.viewsBind ? readersOf([...from.views, ...to.views], moving) : new Set<string>();
  const made = (view: View): Statements => ({ ...noStatements, last: ddl.createView(view).main });
  const gone = (view: View): Statements => ({ ...noStatements, first: ddl.dropView(view).main });
  const both = (one: View, other: View): Statements => ({ ...noStatements, ...gone(one), last: made(other).last });
  const all = new Map([...from.views, ...to.views].map((view) => [view.name, view]));
  return inReadingOrder([...all.values()]).flatMap(({ name }) => {
    const [old, fresh] = [from.views.find((view) => view.name === name), to.views.find((view) => view.name === name)];
    if (old && fresh)
      return remade.has(name) || inTheWay.has(name)
        ? [operation('ALTER', 'view', name, both(old, fresh), both(fresh, old))]
        : [];
    if (fresh) return [operation('CREATE', 'view', name, made(fresh), gone(fresh))];
    return [operation('DROP', 'view', name, gone(old!), made(old!))];
  });
}

/** The views that read what has one of the names, or read such a view. */
function readersOf(views: readonly View[], names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  let latest = new Set(names);
  while (latest.size > 0) {
    const readers = views.filter(({ name, reads }) => !found.has(name) && reads.some((read) => latest.has(read)));
    latest = new Set(readers.map(({ name }) => name));
    latest.forEach((name) => found.add(name));
  }
  return found;
}

/** Views behind those that they read. What reads each other in a ring, which no server allows, stays as it came. */
export function inReadingOrder(views: readonly View[]): readonly View[] {
  const names = new Set(views.map(({ name }) => name));
  const placed: View[] = [];
  let rest = [...views];
  while (rest.length > 0) {
    const done = new Set(placed.map(({ name }) => name));
    const ready = rest.filter(({ reads }) => reads.every((read) => !names.has(read) || done.has(read)));
    const next = ready.length > 0 ? ready : rest;
    placed.push(...next);
    rest = rest.filter((view) => !next.includes(view));
  }
  return placed;
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
