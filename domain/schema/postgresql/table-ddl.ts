import type { Statements } from '../statements';
import type { ForeignKey, Index, Table, Trigger } from '../model';
import {
  checkDefinition,
  columnDefinition,
  columnSettings,
  commentOn,
  constraintDefinition,
  policyDefinition,
  storageOptions,
} from './parts';
import { name } from './quote';

/** With its foreign keys, triggers and policies last: what they mean may come later. */
export function createTable(table: Table): Statements {
  return {
    first: [],
    main: [createBareTable(table), ...indexesAndComments(table)],
    last: [
      ...addForeignKeys(table.name, table.foreignKeys),
      ...createTriggers(table.name, table.triggers),
      ...rowSecurityOf(table),
    ],
  };
}

export function dropTable(table: Table): Statements {
  return {
    // Tables that refer to each other could not go in any order.
    first: [...dropTriggers(table.name, table.triggers), ...dropForeignKeys(table.name, table.foreignKeys)],
    main: [`DROP TABLE ${name(table.name)}`],
    last: [],
  };
}

/** A table with its primary key and checks, under its own name or another. */
export function createBareTable(table: Table, as = table.name): string {
  const definitions = [
    ...table.columns.map(columnDefinition),
    ...(table.primaryKey ? [constraintDefinition(table.primaryKey)] : []),
    ...table.checks.map((check) => checkDefinition({ ...check, validated: true })),
  ];
  const kind = table.options.UNLOGGED ? 'UNLOGGED TABLE' : 'TABLE';
  const options = storageOptions(table);
  return (
    `CREATE ${kind} ${name(as)} (${definitions.map((each) => `\n  ${each}`).join(',')}\n)` +
    (table.partitioning ? ` PARTITION BY ${table.partitioning.definition}` : '') +
    (options === '' ? '' : ` WITH (${options})`)
  );
}

/** What a bare table lacks beside what refers to others. */
export function indexesAndComments(table: Table): string[] {
  const own = name(table.name);
  const identity = table.options['REPLICA IDENTITY'];
  return [
    // One by one: of several that are the same a new table would only get the first.
    ...table.uniques.map((unique) => `ALTER TABLE ${own} ADD ${constraintDefinition(unique)}`),
    ...(table.partitioning?.partitions ?? []).map(
      (partition) => `CREATE TABLE ${name(partition.name)} PARTITION OF ${own} ${partition.bound}`,
    ),
    ...table.indexes.flatMap((index) => createIndex(table.name, index)),
    ...table.columns.flatMap((column) => [
      ...columnSettings(table.name, column),
      ...commentOn(`COLUMN ${own}.${name(column.name)}`, column.comment),
    ]),
    ...[...table.uniques, ...(table.primaryKey ? [table.primaryKey] : []), ...table.checks].flatMap((constraint) =>
      commentOn(`CONSTRAINT ${name(constraint.name)} ON ${own}`, constraint.comment),
    ),
    ...commentOn(`TABLE ${own}`, table.comment),
    ...(identity === undefined ? [] : [`ALTER TABLE ${own} REPLICA IDENTITY ${identity}`]),
  ];
}

export function createIndex(table: string, index: Index): string[] {
  const kind = index.unique ? 'UNIQUE INDEX' : 'INDEX';
  return [
    `CREATE ${kind} ${name(index.name)} ON ${name(table)} USING ${index.definition!}`,
    ...commentOn(`INDEX ${name(index.name)}`, index.comment),
  ];
}

export function addForeignKeys(table: string, keys: readonly ForeignKey[]): string[] {
  return keys.map((key) => `ALTER TABLE ${name(table)} ADD CONSTRAINT ${name(key.name)} ${key.definition!}`);
}

export function dropForeignKeys(table: string, keys: readonly ForeignKey[]): string[] {
  return keys.map((key) => `ALTER TABLE ${name(table)} DROP CONSTRAINT ${name(key.name)}`);
}

export function createTriggers(table: string, triggers: readonly Trigger[]): string[] {
  const states: Readonly<Record<string, string>> = { D: 'DISABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };
  return triggers.flatMap(({ name: own, definition, enabled, comment }) => [
    definition,
    ...(states[enabled] === undefined ? [] : [`ALTER TABLE ${name(table)} ${states[enabled]} TRIGGER ${name(own)}`]),
    ...commentOn(`TRIGGER ${name(own)} ON ${name(table)}`, comment),
  ]);
}

export function dropTriggers(table: string, triggers: readonly Trigger[]): string[] {
  return triggers.map((trigger) => `DROP TRIGGER ${name(trigger.name)} ON ${name(table)}`);
}

export function rowSecurityOf({ name: own, rowSecurity }: Table): string[] {
  if (rowSecurity === null) return [];
  return [
    ...rowSecuritySwitches(own, rowSecurity),
    ...rowSecurity.policies.map((policy) => policyDefinition(own, policy)),
  ];
}

export function rowSecuritySwitches(
  table: string,
  { enabled, forced }: { readonly enabled: boolean; readonly forced: boolean },
): string[] {
  return [
    `ALTER TABLE ${name(table)} ${enabled ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`,
    `ALTER TABLE ${name(table)} ${forced ? 'FORCE' : 'NO FORCE'} ROW LEVEL SECURITY`,
  ];
}
