import { foreignKeyDefinition } from '../../../domain/schema/mysql/parts';
import { name } from '../../../domain/schema/mysql/quote';
import { tableOf, type ForeignKey } from '../../../domain/schema/model';
import { Way, type PlannedChange, type PlannedOperation } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import { patiently } from './engine-session';
import { helper, helperNames } from './names';
import { text } from './rows';
import type { Session } from './session';

/*
 * The side that follows has no foreign keys to tables outside of the change: a cascade would write to it beside the drain.
 * It gets them while everything is locked, in the moment of a swap, and the one that was live loses its own right after.
 * Those of other tables are pointed to the side that becomes live at the same time. Where all are between sides that follow, it has
 * them before, and keeps them: only the engine writes there, for which nothing cascades and nothing is refused. The RENAME carries
 * all along. A name stands for one constraint of a schema, so that names alternate between a key's own and one of ours
 * until the change is finished.
 */

/** A foreign key of a table outside of the change that refers to one within. */
interface Referrer {
  readonly table: string;
  readonly key: ForeignKey;
}

/** Every table that is locked for its foreign keys, beside the two sides of each shadow. */
export function lockedForKeys(change: PlannedChange, direction: Direction): string[] {
  const comingAlone = coming(change, direction).filter(({ alone }) => alone);
  return [...comingAlone.map(({ table }) => table), ...heldTables(change)];
}

/**
 * The tables that nobody may write to while a table is renamed: those that refer to it, because the storage engine locks
 * them, and those that refer to these, because whoever writes there holds a lock on the rows that he refers to.
 */
export function heldTables(change: PlannedChange): string[] {
  const first = referringTables(change);
  const own = new Set(moved(change).map(({ name: table }) => table));
  const second = change.from.tables.filter(
    ({ name: table, foreignKeys }) =>
      !own.has(table) && foreignKeys.some(({ references }) => first.includes(references.table)),
  );
  return [...new Set([...first, ...second.map(({ name: table }) => table)])];
}

/** The tables outside of the change whose foreign keys refer to one within. */
export function referringTables(change: PlannedChange): string[] {
  return [...new Set(referrersOf(change).map(({ table }) => table))];
}

/** Gives the sides that become live the foreign keys to each other, before anything is locked. Repeating it does nothing. */
export async function connectSides(
  session: Session,
  change: PlannedChange,
  direction: Direction,
  signal: AbortSignal,
): Promise<void> {
  const sides = sidesOf(change);
  for (const { table, keys } of coming(change, direction))
    if (keys.every(({ references }) => staysAmong(sides, references.table)))
      for (const statement of await adding(session, table, keys)) await patiently(session, statement, signal, 0);
}

/** Gives the sides that become live their other foreign keys, and points those of others to them. */
export async function connect(session: Session, change: PlannedChange, direction: Direction): Promise<void> {
  for (const { table, keys } of coming(change, direction))
    for (const statement of await adding(session, table, keys)) await session.execute(statement);
  for (const { table, key } of referrersOf(change))
    await pointAlso(session, table, key, sideOf(change, direction, key.references.table));
}

async function adding(session: Session, table: string, keys: readonly ForeignKey[]): Promise<string[]> {
  if (keys.length === 0) return [];
  const there = (await keysOn(session, table)).map((key) => key.name);
  const adds = keys.filter((key) => !there.includes(key.name)).map((key) => `ADD ${foreignKeyDefinition(key)}`);
  return adds.length > 0 ? [`ALTER TABLE ${name(table)} ${adds.join(', ')}, ALGORITHM=INPLACE`] : [];
}

/**
 * Takes the foreign keys of the sides that follow away, and those of others that refer to them: after every swap, and
 * after every attempt at one. Repeating it does nothing.
 * @param which `others` leaves those between sides that follow; `all` is for when the change is over.
 */
export async function disconnect(
  session: Session,
  change: PlannedChange,
  which: 'others' | 'all',
  signal: AbortSignal,
): Promise<void> {
  for (const { table, key } of referrersOf(change)) {
    const stale = (await pointers(session, table, key)).filter(({ to }) => to !== key.references.table);
    const drops = stale.map((each) => `DROP FOREIGN KEY ${name(each.name)}`);
    if (drops.length > 0) await patiently(session, `ALTER TABLE ${name(table)} ${drops.join(', ')}`, signal);
  }
  const sides = sidesOf(change);
  for (const side of sides) {
    const own = await keysOn(session, side);
    if (which === 'others' && own.every(({ name: key, to }) => staysAmong(sides, to, key))) continue;
    const drops = own.map((key) => `DROP FOREIGN KEY ${name(key.name)}`);
    if (drops.length > 0) await patiently(session, `ALTER TABLE ${name(side)} ${drops.join(', ')}`, signal, 0);
  }
}

/**
 * Whether a foreign key of a side that follows can stay. All of a table do or none: the indexes that the server makes for
 * them would change places.
 */
function staysAmong(sides: ReadonlySet<string>, to: string, key?: string): boolean {
  // The server gives a name of its own making another one when the table gets another one.
  return sides.has(to) && key?.includes('_ibfk_') !== true;
}

/** What the tables of a change are called while they are not live. */
function sidesOf(change: PlannedChange): ReadonlySet<string> {
  return new Set(moved(change).flatMap(({ name: table }) => [helperNames(table).ghost, helperNames(table).old]));
}

/** Gives every foreign key its own name again, once the side that is kept is all there is. */
export async function nameKeys(
  session: Session,
  change: PlannedChange,
  kept: 'old' | 'new',
  signal: AbortSignal,
): Promise<void> {
  const model = kept === 'new' ? change.to : change.from;
  const own = change.operations.flatMap(({ name: table }) =>
    (tableOf(model, table)?.foreignKeys ?? []).map((key) => ({ table, key })),
  );
  for (const { table, key } of [...own, ...referrersOf(change)]) {
    const there = (await keysOn(session, table)).map((each) => each.name);
    const held = heldName(key.name);
    if (!there.includes(held)) continue;
    const drop = `DROP FOREIGN KEY ${name(held)}`;
    const add = there.includes(key.name) ? '' : `, ADD ${foreignKeyDefinition(key)}`;
    await patiently(session, `ALTER TABLE ${name(table)} ${drop}${add}, ALGORITHM=INPLACE, LOCK=NONE`, signal);
  }
}

/** The tables that become live with the foreign keys that they get, by the names that they have until then. */
function coming(
  change: PlannedChange,
  direction: Direction,
): { readonly table: string; readonly keys: readonly ForeignKey[]; readonly alone: boolean }[] {
  const [model, other] = direction === 'forward' ? [change.to, change.from] : [change.from, change.to];
  return moved(change).flatMap(({ name: own, shadow }) => {
    const table = tableOf(model, own);
    if (table === null) return [];
    const taken = (tableOf(other, own)?.foreignKeys ?? []).map((key) => key.name);
    const keys = table.foreignKeys.map((key) => ({
      ...key,
      // The old side keeps the names: it was there first.
      name: direction === 'forward' && taken.includes(key.name) ? heldName(key.name) : key.name,
      references: { ...key.references, table: sideOf(change, direction, key.references.table) },
    }));
    return [{ table: sideOf(change, direction, own), keys, alone: shadow === null }];
  });
}

/** What a table is called that becomes live, until it does. */
function sideOf(change: PlannedChange, direction: Direction, table: string): string {
  const changed = moved(change).some(({ name: own }) => own === table);
  if (!changed) return table;
  return direction === 'forward' ? helperNames(table).ghost : helperNames(table).old;
}

/** What is renamed; whatever is altered in its place keeps its foreign keys. */
function moved({ operations }: PlannedChange): PlannedOperation[] {
  return operations.filter(({ object, way }) => object === 'table' && way !== Way.instant);
}

function referrersOf(change: PlannedChange): Referrer[] {
  const changed = (table: string): boolean => moved(change).some(({ name: own }) => own === table);
  return change.from.tables
    .filter((table) => !changed(table.name))
    .flatMap(({ name: table, foreignKeys }) =>
      foreignKeys.filter(({ references }) => changed(references.table)).map((key) => ({ table, key })),
    );
}

/** One more foreign key, to another side: at no time is a row unchecked. */
async function pointAlso(session: Session, table: string, key: ForeignKey, to: string): Promise<void> {
  const there = await pointers(session, table, key);
  if (there.some((each) => each.to === to)) return;
  const free = [key.name, heldName(key.name)].find((own) => there.every((each) => each.name !== own))!;
  const add = foreignKeyDefinition({ ...key, name: free, references: { ...key.references, table: to } });
  await session.execute(`ALTER TABLE ${name(table)} ADD ${add}, ALGORITHM=INPLACE`);
}

/** A foreign key, and the table that it refers to. */
interface Pointer {
  readonly name: string;
  readonly to: string;
}

/** By which names a foreign key goes now, and to what it refers by each. */
async function pointers(session: Session, table: string, key: ForeignKey): Promise<readonly Pointer[]> {
  const rows = await session.query(
    `SELECT constraint_name AS name, referenced_table_name AS referred FROM information_schema.referential_constraints
     WHERE constraint_schema = database() AND table_name = ? AND constraint_name IN (?, ?)`,
    [table, key.name, heldName(key.name)],
  );
  return rows.map((row) => ({ name: text(row.name), to: text(row.referred) }));
}

async function keysOn(session: Session, table: string): Promise<readonly Pointer[]> {
  const rows = await session.query(
    `SELECT constraint_name AS name, referenced_table_name AS referred FROM information_schema.referential_constraints
     WHERE constraint_schema = database() AND table_name = ?`,
    [table],
  );
  return rows.map((row) => ({ name: text(row.name), to: text(row.referred) }));
}

function heldName(key: string): string {
  return helper(key, 'k');
}
