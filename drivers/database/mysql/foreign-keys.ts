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
 * The side that follows has no foreign keys: a cascade would write to it beside the drain. It gets them while everything
 * is locked, in the moment of a swap, and the one that was live loses its own right after. Those of other tables are
 * pointed to the side that becomes live at the same time. The RENAME carries both along. A name stands for one constraint
 * of a schema, so that names alternate between a key's own and one of ours until the change is finished.
 */

/** A foreign key of a table outside of the change that refers to one within. */
interface Referrer {
  readonly table: string;
  readonly key: ForeignKey;
}

/** Every table that is locked for its foreign keys, beside the two sides of each shadow. */
export function lockedForKeys(change: PlannedChange, direction: Direction): string[] {
  const comingAlone = coming(change, direction).filter(({ alone }) => alone);
  return [...comingAlone.map(({ table }) => table), ...referringTables(change)];
}

/** The tables outside of the change whose foreign keys refer to one within. */
export function referringTables(change: PlannedChange): string[] {
  return [...new Set(referrersOf(change).map(({ table }) => table))];
}

/** Gives the sides that become live their foreign keys, and points those of others to them. */
export async function connect(session: Session, change: PlannedChange, direction: Direction): Promise<void> {
  for (const { table, keys } of coming(change, direction)) {
    const adds = keys.map((key) => `ADD ${foreignKeyDefinition(key)}`);
    if (adds.length > 0) await session.execute(`ALTER TABLE ${name(table)} ${adds.join(', ')}, ALGORITHM=INPLACE`);
  }
  for (const { table, key } of referrersOf(change))
    await pointAlso(session, table, key, sideOf(change, direction, key.references.table));
}

/**
 * Takes the foreign keys of the sides that follow away, and those of others that refer to them: after every swap, and
 * after every attempt at one. Repeating it does nothing.
 */
export async function disconnect(session: Session, change: PlannedChange, signal: AbortSignal): Promise<void> {
  const sides = moved(change).flatMap(({ name: table }) => [helperNames(table).ghost, helperNames(table).old]);
  for (const { table, key } of referrersOf(change)) {
    const stale = (await pointers(session, table, key)).filter(({ to }) => to !== key.references.table);
    const drops = stale.map((each) => `DROP FOREIGN KEY ${name(each.name)}`);
    if (drops.length > 0) await patiently(session, `ALTER TABLE ${name(table)} ${drops.join(', ')}`, signal);
  }
  for (const side of sides) {
    const drops = (await keysOn(session, side)).map((own) => `DROP FOREIGN KEY ${name(own)}`);
    if (drops.length > 0) await patiently(session, `ALTER TABLE ${name(side)} ${drops.join(', ')}`, signal, 0);
  }
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
    const there = await keysOn(session, table);
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

/** By which names a foreign key goes now, and to what it refers by each. */
async function pointers(
  session: Session,
  table: string,
  key: ForeignKey,
): Promise<{ readonly name: string; readonly to: string }[]> {
  const rows = await session.query(
    `SELECT constraint_name AS name, referenced_table_name AS referred FROM information_schema.referential_constraints
     WHERE constraint_schema = database() AND table_name = ? AND constraint_name IN (?, ?)`,
    [table, key.name, heldName(key.name)],
  );
  return rows.map((row) => ({ name: text(row.name), to: text(row.referred) }));
}

async function keysOn(session: Session, table: string): Promise<string[]> {
  const rows = await session.query(
    `SELECT constraint_name AS name FROM information_schema.referential_constraints
     WHERE constraint_schema = database() AND table_name = ?`,
    [table],
  );
  return rows.map((row) => text(row.name));
}

function heldName(key: string): string {
  return helper(key, 'k');
}
