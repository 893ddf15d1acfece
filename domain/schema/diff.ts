import type { ObjectKind, Operation, OperationKind, Rename, SchemaChange } from './change';
import { noStatements, type DdlWriter, type Statements } from './ddl';
import { flagsOfAlter, flagsOfDrop } from './flags';
import type { SchemaModel, Table, View } from './model';
import { compareParts, compareTables, type Change, type PartsChange } from './table-change';

/**
 * What turns one schema into another, object by object. A column is only renamed where somebody declared it; an
 * undeclared one is dropped and added, and flagged.
 */
export function diff(change: SchemaChange, ddl: DdlWriter): Operation[] {
  const { from, to, renames } = change;
  const tables = compareParts(from.tables, to.tables);
  const back = renames.map(({ table, from: old, to: fresh }) => ({ table, from: fresh, to: old }));
  const touched = new Set([
    ...tables.changed.map(({ from: table }) => table.name),
    ...tables.dropped.map(({ name }) => name),
    ...tables.added.map(({ name }) => name),
  ]);
  const simple = [
    ...operations('enum', compareParts(from.enums, to.enums), ddl.createEnum, ddl.dropEnum, ddl.alterEnum),
    ...operations('domain', compareParts(from.domains, to.domains), ddl.createDomain, ddl.dropDomain, ddl.alterDomain),
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
    ...tables.changed.map((pair) => alteration(pair, renames, back, ddl)),
    ...tables.dropped.map((table) => ({
      ...operation('DROP', 'table', table.name, ddl.dropTable(table), ddl.createTable(table)),
      flags: flagsOfDrop(table),
    })),
    ...simple.filter(({ kind }) => kind === 'DROP'),
    ...viewOperations(from, to, touched, ddl),
  ];
}

function alteration({ from, to }: Change<Table>, renames: readonly Rename[], back: readonly Rename[], ddl: DdlWriter) {
  const [there, andBack] = [compareTables(from, to, renames)!, compareTables(to, from, back)!];
  return {
    ...operation('ALTER', 'table', from.name, ddl.alterTable(there), ddl.alterTable(andBack)),
    flags: flagsOfAlter(there, ddl),
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

/** Views in an order in which they can be made. Those that stay but are in the way of a table go first and come back. */
function viewOperations(from: SchemaModel, to: SchemaModel, touched: ReadonlySet<string>, ddl: DdlWriter): Operation[] {
  const { dropped, added, changed } = compareParts(from.views, to.views);
  const moving = new Set([
    ...touched,
    ...[...dropped, ...added].map(({ name }) => name),
    ...changed.map((v) => v.to.name),
  ]);
  const inTheWay = ddl.viewsInTheWay(from, moving);
  const made = ({ main }: Statements): Statements => ({ ...noStatements, last: main });
  const gone = ({ main }: Statements): Statements => ({ ...noStatements, first: main });
  const both = (one: View, other: View): Statements => ({
    first: ddl.dropView(one).main,
    main: [],
    last: ddl.createView(other).main,
  });
  const all = new Map([...from.views, ...to.views].map((view) => [view.name, view]));
  return inReadingOrder([...all.values()]).flatMap(({ name }) => {
    const [old, fresh] = [from.views.find((view) => view.name === name), to.views.find((view) => view.name === name)];
    if (old && fresh)
      return changed.some((pair) => pair.to.name === name) || inTheWay.has(name)
        ? [operation('ALTER', 'view', name, both(old, fresh), both(fresh, old))]
        : [];
    if (fresh) return [operation('CREATE', 'view', name, made(ddl.createView(fresh)), gone(ddl.dropView(fresh)))];
    return [operation('DROP', 'view', name, gone(ddl.dropView(old!)), made(ddl.createView(old!)))];
  });
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
