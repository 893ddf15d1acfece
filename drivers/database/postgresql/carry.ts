import { newNameOf } from '../../../domain/schema/key';
import { tableOf, type Constraint, type ForeignKey, type Index, type Table } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { changedComment } from '../../../domain/schema/postgresql/parts';
import { literal, name, names } from '../../../domain/schema/postgresql/quote';
import { createTriggers, dropTriggers } from '../../../domain/schema/postgresql/table-ddl';
import { same } from '../../../domain/schema/table-change';
import type { Bindings, Referrer } from './bindings';
import { createLogTriggers } from './log';
import type { Exchange, Member } from './members';
import { asideName, ownName, TriggerName } from './names';
import { bringIn, putAside, type Numbering, type Satellite } from './satellites';
import { routeOf } from './shadows';
import { commentOf, own, stateTable } from './state';

/** Everything that was found out for a swap before anything is locked. */
export interface Inventory {
  readonly exchange: Exchange;
  /** By the name of the live table that leaves. */
  readonly bindings: ReadonlyMap<string, Bindings>;
  readonly satellites: ReadonlyMap<string, readonly Satellite[]>;
  readonly names: Readonly<Record<string, string>>;
  readonly numberings: readonly Numbering[];
  /** Triggers of ours, as `table.trigger`, that are there now. */
  readonly triggers: readonly { readonly table: string; readonly trigger: string }[];
  /** Statements that give views that are made again the rights that they had. */
  readonly viewGrants: readonly string[];
}

/** A foreign key that is to be validated once the swap is done. */
export interface Unvalidated {
  readonly table: string;
  readonly constraint: string;
}

/** The statements of a swap, in their order, for a transaction that has locked everything and followed the log. */
export function swapStatements(change: PlannedChange, schema: string, inventory: Inventory): string[] {
  const { exchange, satellites, numberings } = inventory;
  const { leaving, coming, statements } = exchange;
  const referrers = referrersOf(inventory);
  const qualified = (table: string): string => `${name(schema)}.${name(table)}`;
  const unvalidated = foreignKeys(exchange, referrers, qualified);
  return [
    ...inventory.triggers.map(({ table, trigger }) => `DROP TRIGGER ${name(trigger)} ON ${name(table)}`),
    ...leaving.flatMap(({ table }) => dropTriggers(table.name, table.triggers)),
    ...statements.first,
    ...referrers.map(({ table, constraint }) => `ALTER TABLE ${table} DROP CONSTRAINT ${constraint}`),
    ...leaving.flatMap(({ table }) =>
      table.foreignKeys.map((key) => `ALTER TABLE ${name(table.name)} DROP CONSTRAINT ${name(key.name)}`),
    ),
    ...numberings.flatMap(({ before }) => before),
    ...leaving.flatMap((member) => [
      ...indexesOf(member.table).map((index) => renameIndex(index, asideName(index, member.side))),
      ...putAside(satellites.get(member.table.name) ?? [], member),
      `ALTER TABLE ${name(member.table.name)} RENAME TO ${name(member.aside)}`,
      `COMMENT ON TABLE ${name(member.aside)} IS ${literal(commentOf(change))}`,
    ]),
    ...coming.flatMap((member) => [
      `ALTER TABLE ${name(member.aside)} RENAME TO ${name(member.table.name)}`,
      ...indexesOf(member.table).map((index) => renameIndex(asideName(index, member.side), index)),
      ...bringIn(satellites.get(member.aside) ?? [], inventory.names),
      ...changedComment(`TABLE ${name(member.table.name)}`, commentOf(change), member.table.comment),
    ]),
    ...numberings.flatMap(({ after }) => after),
    ...statements.main,
    ...unvalidated.map(({ table, constraint, definition }) => {
      const late = /NOT VALID$/.test(definition) ? definition : `${definition} NOT VALID`;
      return `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} ${late}`;
    }),
    ...coming.flatMap(({ table }) => createTriggers(table.name, table.triggers)),
    ...boundViews(inventory),
    ...statements.last.map((statement) => lateForeignKey(statement)),
    ...inventory.viewGrants,
    ...publicationMoves(inventory),
    ...coming.flatMap((member) => ownTriggers(change, exchange, member)),
    ...leaving.map(({ aside }) => blockTrigger(change, aside)),
    `UPDATE ${stateTable(change.id)} SET names = names || ${literal(JSON.stringify(namesOf(inventory)))}::jsonb, ` +
      `unvalidated = ${literal(JSON.stringify(toValidate(unvalidated, statements.last)))}::jsonb WHERE id = 1`,
  ].filter((statement) => statement !== '');
}

function indexesOf({ primaryKey, uniques, indexes }: Table): string[] {
  const all: readonly (Constraint | Index)[] = [...(primaryKey ? [primaryKey] : []), ...uniques, ...indexes];
  return all.map((each) => each.name);
}

function renameIndex(from: string, to: string): string {
  return `ALTER INDEX ${name(from)} RENAME TO ${name(to)}`;
}

/** Foreign keys of tables that stay; one that the change itself takes away or alters is left to its statements. */
function referrersOf({ exchange, bindings }: Inventory): Referrer[] {
  const { leaving, from, to } = exchange;
  const moving = leaving.map(({ table }) => table.name);
  return [...bindings.values()].flatMap(({ referrers }) =>
    referrers.filter((referrer) => {
      if (referrer.own === null) return true;
      if (moving.includes(referrer.own)) return false;
      const key = (model: typeof from): ForeignKey | undefined =>
        tableOf(model, referrer.own!)?.foreignKeys.find((each) => each.name === referrer.name);
      return same(key(from), key(to));
    }),
  );
}

interface NewKey extends Unvalidated {
  readonly definition: string;
  readonly validated: boolean;
}

function foreignKeys(
  exchange: Exchange,
  referrers: readonly Referrer[],
  qualified: (table: string) => string,
): NewKey[] {
  return [
    ...exchange.coming.flatMap(({ table }) =>
      table.foreignKeys.map((key) => ({
        ...{ table: qualified(table.name), constraint: name(key.name), definition: key.definition! },
        validated: !/NOT VALID$/.test(key.definition!),
      })),
    ),
    ...referrers,
  ];
}

/** A statement of the change that adds a foreign key to a table that stays would look at all of its rows. */
const ADDS_KEY = /^ALTER TABLE ("(?:[^"]|"")+") ADD CONSTRAINT ("(?:[^"]|"")+") FOREIGN KEY .*[^D]$/s;

function lateForeignKey(statement: string): string {
  return ADDS_KEY.test(statement) ? `${statement} NOT VALID` : statement;
}

function toValidate(keys: readonly NewKey[], last: readonly string[]): Unvalidated[] {
  const added = last.flatMap((statement) => {
    const found = ADDS_KEY.exec(statement);
    return found ? [{ table: found[1]!, constraint: found[2]! }] : [];
  });
  const late = keys.filter(({ validated }) => validated);
  return [...late.map(({ table, constraint }) => ({ table, constraint })), ...added];
}

/** Views that the change itself does not make again. */
function boundViews({ exchange, bindings }: Inventory): string[] {
  const definitions = new Map<string, string>();
  for (const { views } of bindings.values())
    for (const { view, own: bare, definition } of views)
      if (bare === null || !isRemade(exchange, bare)) definitions.set(view, definition);
  return [...definitions.values()];
}

/** Whether statements of the change drop a view. */
export function isRemade({ statements }: Exchange, view: string): boolean {
  return statements.first.some((statement) => statement === `DROP VIEW ${name(view)}`);
}

function publicationMoves({ exchange, bindings }: Inventory): string[] {
  return exchange.leaving.flatMap((member) =>
    (bindings.get(member.table.name)?.publications ?? []).flatMap(({ name: publication, columns, condition }) => {
      const gone = `ALTER PUBLICATION ${publication} DROP TABLE ${name(member.aside)}`;
      if (member.shadow === null) return [gone];
      const { shadow } = member.shadow;
      const other = (column: string): string =>
        member.side === 'old'
          ? newNameOf(shadow, column)
          : (shadow.from.columns.find((old) => newNameOf(shadow, old.name) === column)?.name ?? column);
      const next = exchange.coming.find(({ table }) => table.name === member.table.name)!.table;
      const kept = columns?.map(other).filter((column) => next.columns.some((each) => each.name === column));
      return [
        gone,
        `ALTER PUBLICATION ${publication} ADD TABLE ${name(next.name)}${kept ? ` (${names(kept)})` : ''}` +
          (condition === null ? '' : ` WHERE (${condition})`),
      ];
    }),
  );
}

/** The log runs the other way from now on, and sessions that still see the table as it was are told to try again. */
function ownTriggers(change: PlannedChange, { direction }: Exchange, { table, shadow }: Member): string[] {
  if (shadow === null) return [];
  const route = routeOf(shadow, direction === 'forward' ? 'back' : 'forward');
  const fence = own(ownName('fence', change.id));
  const create =
    `CREATE TRIGGER ${name(TriggerName.fence)} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${route.live} ` +
    `FOR EACH STATEMENT EXECUTE FUNCTION ${fence}(`;
  return [
    ...createLogTriggers(route),
    `DO ${literal(`BEGIN EXECUTE format(${literal(`${create.replaceAll('%', '%%')}%L)`)}, pg_current_xact_id()); END`)}`,
    `ALTER TABLE ${name(table.name)} ENABLE ALWAYS TRIGGER ${name(TriggerName.fence)}`,
  ];
}

function blockTrigger(change: PlannedChange, aside: string): string {
  const block = name(TriggerName.block);
  return (
    `CREATE TRIGGER ${block} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${name(aside)} ` +
    `FOR EACH STATEMENT EXECUTE FUNCTION ${own(ownName('block', change.id))}(); ` +
    `ALTER TABLE ${name(aside)} ENABLE ALWAYS TRIGGER ${block}`
  );
}

function namesOf({ exchange, satellites }: Inventory): Record<string, string> {
  const leaving = exchange.leaving.flatMap(({ table }) => satellites.get(table.name) ?? []);
  return Object.fromEntries(leaving.map((each) => [each.oid, each.name]));
}
