import type { Operation } from './change';
import type { DdlWriter } from './ddl';
import { noStatements, type Statements } from './statements';
import type { Routine, SchemaModel, View } from './model';
import { same } from './table-change';

/** A view, or a routine that is bound to tables: what has to go while they change, and comes when all are made. */
interface Reader {
  readonly name: string;
  readonly reads: readonly string[];
  readonly part: View | Routine;
  readonly make: readonly string[];
  readonly drop: readonly string[];
}

/**
 * Operations of what reads tables, in an order in which it can be made. What stays but reads something that changes goes
 * first and comes back.
 * @param disturbed tables of which a view that the server binds to them would be in the way.
 */
export function readerOperations(
  from: SchemaModel,
  to: SchemaModel,
  disturbed: readonly string[],
  ddl: DdlWriter,
): Operation[] {
  const bound = boundRoutines(from, to);
  const [before, after] = [readersIn(from, bound, ddl), readersIn(to, bound, ddl)];
  const all = new Map([...before.values(), ...after.values()].map((reader) => [reader.name, reader]));
  const changed = [...all.keys()].filter((name) => !same(before.get(name)?.part, after.get(name)?.part));
  const inPlace = new Map<string, readonly [Statements, Statements]>();
  for (const name of changed) {
    const pair = altered(before.get(name), after.get(name), ddl);
    if (pair) inPlace.set(name, pair);
  }
  const moving = [...disturbed, ...changed.filter((name) => before.has(name) && !inPlace.has(name))];
  const inTheWay = ddl.viewsBind ? readersOf([...before.values(), ...after.values()], moving) : new Set<string>();
  return inReadingOrder([...all.values()]).flatMap(({ name }): Operation[] => {
    const [old, fresh] = [before.get(name), after.get(name)];
    const object = 'definition' in (fresh ?? old!).part ? ('routine' as const) : ('view' as const);
    const about = { object, name, flags: [] };
    if (!old) return [{ ...about, kind: 'CREATE', ddl: made(fresh!), reverse: gone(fresh!) }];
    if (!fresh) return [{ ...about, kind: 'DROP', ddl: gone(old), reverse: made(old) }];
    const place = inTheWay.has(name) ? undefined : inPlace.get(name);
    if (place) return [{ ...about, kind: 'ALTER', ddl: place[0], reverse: place[1] }];
    if (!changed.includes(name) && !inTheWay.has(name)) return [];
    return [{ ...about, kind: 'ALTER', ddl: both(old, fresh), reverse: both(fresh, old) }];
  });
}

const made = ({ make }: Reader): Statements => ({ ...noStatements, last: make });
const gone = ({ drop }: Reader): Statements => ({ ...noStatements, first: drop });
const both = (old: Reader, fresh: Reader): Statements => ({ ...noStatements, first: old.drop, last: fresh.make });

/** How a routine becomes another without being dropped, there and back; what depends on it stays then. */
function altered(
  old: Reader | undefined,
  fresh: Reader | undefined,
  ddl: DdlWriter,
): readonly [Statements, Statements] | null {
  if (!old || !fresh || !('definition' in old.part) || !('definition' in fresh.part)) return null;
  const there = ddl.alterRoutine({ from: old.part, to: fresh.part });
  const back = ddl.alterRoutine({ from: fresh.part, to: old.part });
  return there && back && [late(there), late(back)];
}

function late({ main }: Statements): Statements {
  return { ...noStatements, last: main };
}

/** The routines of two schemas that read tables or views in either, themselves or by way of others. */
export function boundRoutines(from: SchemaModel, to: SchemaModel): ReadonlySet<string> {
  const relations = [from, to].flatMap(({ tables, views }) => [...tables, ...views].map(({ name }) => name));
  return readersOf([...from.routines, ...to.routines], relations);
}

/** The routines of two schemas that read views in either, themselves or by way of others. */
export function readsViews(from: SchemaModel, to: SchemaModel): ReadonlySet<string> {
  const views = [...from.views, ...to.views].map(({ name }) => name);
  return readersOf([...from.routines, ...to.routines], views);
}

function readersIn(
  { views, routines }: SchemaModel,
  bound: ReadonlySet<string>,
  ddl: DdlWriter,
): ReadonlyMap<string, Reader> {
  const readers: Reader[] = [
    ...views.map((part) => ({ ...part, part, make: ddl.createView(part).main, drop: ddl.dropView(part).main })),
    ...routines
      .filter(({ name }) => bound.has(name))
      .map((part) => ({ ...part, part, make: ddl.createRoutine(part).main, drop: ddl.dropRoutine(part).main })),
  ];
  return new Map(readers.map((reader) => [reader.name, reader]));
}

interface Reads {
  readonly name: string;
  readonly reads: readonly string[];
}

/** What reads something that has one of the names, or reads such a reader. */
function readersOf(readers: readonly Reads[], names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  let latest = new Set(names);
  while (latest.size > 0) {
    const next = readers.filter(({ name, reads }) => !found.has(name) && reads.some((read) => latest.has(read)));
    latest = new Set(next.map(({ name }) => name));
    latest.forEach((name) => found.add(name));
  }
  return found;
}

/** Readers behind those that they read. What reads each other in a ring, which no server allows, stays as it came. */
export function inReadingOrder<T extends Reads>(readers: readonly T[]): readonly T[] {
  const names = new Set(readers.map(({ name }) => name));
  const placed: T[] = [];
  let rest = [...readers];
  while (rest.length > 0) {
    const done = new Set(placed.map(({ name }) => name));
    const ready = rest.filter(({ name, reads }) =>
      reads.every((read) => read === name || !names.has(read) || done.has(read)),
    );
    const next = ready.length > 0 ? ready : rest;
    placed.push(...next);
    rest = rest.filter((reader) => !next.includes(reader));
  }
  return placed;
}
