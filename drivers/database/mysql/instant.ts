import { Failure } from '../../../domain/failures';
import type { Rename, SchemaChange } from '../../../domain/schema/change';
import { tableOf, type SchemaModel, type Table } from '../../../domain/schema/model';
import { createBareTable, mysqlDdl } from '../../../domain/schema/mysql/ddl';
import { literal, name } from '../../../domain/schema/mysql/quote';
import { Way, type PlannedChange } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import { compareTables, same } from '../../../domain/schema/table-change';
import { usersOwn } from './drift';
import { patiently } from './engine-session';
import { introspect } from './introspect';
import { helperNames } from './names';
import { text } from './rows';
import { ServerError, type Session } from './session';
import { commentOf } from './state';
import { onTrial } from './trial';

/** The server has no such way of doing it; of anything else it tells by other numbers. */
const NOT_INSTANT: readonly number[] = [1845, 1846];

/**
 * The tables of a change that the server alters by its catalog alone, there and back. It is tried on an empty copy of
 * each, which is always removed; one that is left by a process that died goes by a name of ours.
 */
export async function instantTables(
  session: Session,
  id: string,
  change: SchemaChange,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const to of change.to.tables) {
    const from = tableOf(change.from, to.name);
    if (from === null || same(from, to) || !isCandidate(change, from, to)) continue;
    signal.throwIfAborted();
    if (await isInstant(session, id, from, to, change.renames)) found.add(from.name);
  }
  return found;
}

/** Columns of foreign keys, and tables of several parts, are left to ways that hold whatever they are. */
function isCandidate({ from: model, renames }: SchemaChange, from: Table, to: Table): boolean {
  const change = compareTables(from, to, renames)!;
  const touched = [...change.columns.dropped, ...change.columns.changed.map((pair) => pair.from)].map(
    (each) => each.name,
  );
  const bound = model.tables.flatMap(({ name: table, foreignKeys }) =>
    foreignKeys.flatMap(({ columns, references }) => [
      ...(table === from.name ? columns : []),
      ...(references.table === from.name ? references.columns : []),
    ]),
  );
  return from.partitioning === null && to.partitioning === null && !touched.some((column) => bound.includes(column));
}

async function isInstant(
  session: Session,
  id: string,
  from: Table,
  to: Table,
  renames: readonly Rename[],
): Promise<boolean> {
  const { trial } = helperNames(from.name);
  const copy = (table: Table): Table => ({
    ...table,
    name: trial,
    comment: commentOf({ id }),
    foreignKeys: [],
    triggers: [],
  });
  if (!same(from.foreignKeys, to.foreignKeys) || !same(from.triggers, to.triggers)) return false;
  const own = renames.filter(({ table }) => table === from.name).map((rename) => ({ ...rename, table: trial }));
  const there = instantStatement(copy(from), copy(to), own);
  const back = instantStatement(copy(to), copy(from), turned(own));
  // Nothing but the comment differs.
  if (same(copy(from), copy(to))) return true;
  if (there === null || back === null) return false;
  return await onTrial(session, from.name, async () => {
    try {
      // Like the live one: how that was made once can make a difference to the server.
      await session.execute(`CREATE TABLE ${name(trial)} LIKE ${name(from.name)}`);
      await session.execute(`ALTER TABLE ${name(trial)} COMMENT=${literal(commentOf({ id }))}`);
      const made = await shown(session, trial);
      await session.execute(there);
      const altered = await shown(session, trial);
      await session.execute(back);
      // What the server did has to be all that is wanted.
      if ((await shown(session, trial)) !== made) return false;
      await session.execute(`DROP TABLE ${name(trial)}`);
      await session.execute(createBareTable(copy(to)));
      return (await shown(session, trial)) === altered;
    } catch (error) {
      if (error instanceof ServerError && NOT_INSTANT.includes(error.errno)) return false;
      throw error;
    }
  });
}

async function shown(session: Session, table: string): Promise<string> {
  const [row] = await session.query(`SHOW CREATE TABLE ${name(table)}`);
  // Said or not, it is the same index.
  return text(row!['Create Table']).replaceAll(' USING BTREE', '');
}

/** Refused by the server where it would do more than change its catalog. Null where one statement is not enough. */
function instantStatement(from: Table, to: Table, renames: readonly Rename[]): string | null {
  const change = compareTables(from, to, renames);
  if (change === null) return null;
  const { first, main, last } = mysqlDdl.alterTable(change);
  return first.length + last.length === 0 && main.length === 1 ? `${main[0]!}, ALGORITHM=INSTANT` : null;
}

/** Alters the tables of a change that are altered by the catalog alone. What is done already stays. */
export async function alterInstantly(
  session: Session,
  change: PlannedChange,
  direction: Direction,
  signal: AbortSignal,
): Promise<void> {
  const [, , renames] = sidesOf(change, direction);
  for (const { now, wanted } of await toAlter(session, change, direction)) {
    const statement = instantStatement(now, wanted, renames);
    if (statement !== null) await patiently(session, statement, signal);
  }
}

/**
 * Makes sure that nothing stands in the way of {@link alterInstantly}, which comes when it is late to give up.
 * @throws Failure CHANGE_DRIFTED
 */
export async function checkInstant(session: Session, change: PlannedChange, direction: Direction): Promise<void> {
  const [, , renames] = sidesOf(change, direction);
  for (const { now, wanted } of await toAlter(session, change, direction))
    if (!(await isInstant(session, change.id, now, wanted, renames)))
      throw new Failure('CHANGE_DRIFTED', `table ${now.name} cannot be altered in the catalog alone any more`);
}

/**
 * The tables that are altered by the catalog alone, as they are and as they become, where that is not the same.
 * @throws Failure CHANGE_DRIFTED when a table is neither what it was nor what it becomes.
 */
async function toAlter(
  session: Session,
  change: PlannedChange,
  direction: Direction,
): Promise<readonly { readonly now: Table; readonly wanted: Table }[]> {
  const tables = instantOf(change);
  if (tables.length === 0) return [];
  const there = usersOwn(await introspect(session));
  await session.execute('COMMIT');
  const [from, to] = sidesOf(change, direction);
  return tables.flatMap((table) => {
    const [now, wanted] = [tableOf(there, table), tableOf(to, table)!];
    if (same(now, wanted)) return [];
    if (now === null || !same(now, tableOf(from, table)))
      throw new Failure('CHANGE_DRIFTED', `table ${table} was changed since the change began`);
    return [{ now, wanted }];
  });
}

/** Names of the tables that are altered by the catalog alone. */
function instantOf({ operations }: PlannedChange): string[] {
  return operations
    .filter(({ object, kind, way }) => object === 'table' && kind === 'ALTER' && way === Way.instant)
    .map((operation) => operation.name);
}

function sidesOf(
  { from, to, renames }: PlannedChange,
  direction: Direction,
): [SchemaModel, SchemaModel, readonly Rename[]] {
  if (direction === 'forward') return [from, to, renames];
  return [to, from, turned(renames)];
}

function turned(renames: readonly Rename[]): Rename[] {
  return renames.map((rename) => ({ ...rename, from: rename.to, to: rename.from }));
}
