import type { Statements } from '../statements';
import type { Column, Table } from '../model';
import { same, type Change, type PartsChange, type TableChange } from '../table-change';
import {
  changedComment,
  checkDefinition,
  columnDefinition,
  columnSettings,
  compressionOf,
  constraintDefinition,
  identityDefinition,
  policyDefinition,
  sequenceOptions,
  storageOptions,
} from './parts';
import { name } from './quote';
import {
  addForeignKeys,
  createBareTable,
  createIndex,
  createTable,
  createTriggers,
  dropForeignKeys,
  dropTriggers,
  indexesAndComments,
  rowSecuritySwitches,
} from './table-ddl';
import { cast } from './types';

/** In place where PostgreSQL can do it, else by another table that takes the rows and the name. */
export function alterTable(change: TableChange): Statements {
  return needsAnother(change) ? rebuild(change) : alter(change);
}

/**
 * Views hold the columns that they read; foreign keys of others hold the key that they mean, and all go with a table that
 * is made anew.
 */
export function inTheWay(change: TableChange): { readonly views: boolean; readonly foreignKeys: boolean } {
  const { columns, primaryKey, uniques, indexes } = change;
  const another = needsAnother(change);
  const retyped = columns.changed.some(({ from, to }) => from.type !== to.type || from.collation !== to.collation);
  const keys = primaryKey !== null || removed(uniques).length > 0 || removed(indexes).some(({ unique }) => unique);
  return { views: another || retyped || columns.dropped.length > 0, foreignKeys: another || keys };
}

/** Columns are only ever added at the end, and partitioning and persistence are fixed when a table is made. */
function needsAnother({ columns, from, to, partitioning }: TableChange): boolean {
  if (partitioning || columns.moved.length > 0) return true;
  const added = new Set(columns.added.map(({ column }) => column.name));
  const firstAdded = to.columns.findIndex(({ name: own }) => added.has(own));
  const behind = firstAdded >= 0 && to.columns.slice(firstAdded).some(({ name: own }) => !added.has(own));
  return behind || from.options.UNLOGGED !== to.options.UNLOGGED || columns.changed.some(mustBeRemade);
}

/** A column that begins to be generated, or whose expression changes, would have to go and come again. */
function mustBeRemade({ from, to }: Change<Column>): boolean {
  return to.generated !== null && !same(from.generated, to.generated);
}

function alter(change: TableChange): Statements {
  const { from, to, columns, renames } = change;
  const table = name(from.name);
  const constraints = [...removed(change.checks), ...removed(change.uniques)];
  return {
    first: [
      ...dropTriggers(from.name, removed(change.triggers)),
      ...removed(change.policies).map((policy) => `DROP POLICY ${name(policy.name)} ON ${table}`),
      ...dropForeignKeys(from.name, removed(change.foreignKeys)),
    ],
    main: [
      ...constraints.map((each) => `ALTER TABLE ${table} DROP CONSTRAINT ${name(each.name)}`),
      ...(change.primaryKey?.from ? [`ALTER TABLE ${table} DROP CONSTRAINT ${name(change.primaryKey.from.name)}`] : []),
      ...removed(change.indexes).map((index) => `DROP INDEX ${name(index.name)}`),
      ...renames.map(({ from: old, to: fresh }) => `ALTER TABLE ${table} RENAME COLUMN ${name(old)} TO ${name(fresh)}`),
      ...columns.dropped.map((column) => `ALTER TABLE ${table} DROP COLUMN ${name(column.name)}`),
      ...columns.changed.flatMap((pair) => alterColumn(from.name, pair)),
      ...columns.added.flatMap(({ column }) => [
        `ALTER TABLE ${table} ADD COLUMN ${columnDefinition(column)}`,
        ...columnSettings(from.name, column),
        ...changedComment(`COLUMN ${table}.${name(column.name)}`, '', column.comment),
      ]),
      ...(change.primaryKey?.to ? [`ALTER TABLE ${table} ADD ${constraintDefinition(change.primaryKey.to)}`] : []),
      ...made(change.uniques).map((each) => `ALTER TABLE ${table} ADD ${constraintDefinition(each)}`),
      ...made(change.indexes).flatMap((index) => createIndex(from.name, index)),
      ...made(change.checks).map((each) => `ALTER TABLE ${table} ADD ${checkDefinition(each)}`),
      ...[
        ...made(change.uniques),
        ...made(change.checks),
        ...(change.primaryKey?.to ? [change.primaryKey.to] : []),
      ].flatMap((each) => changedComment(`CONSTRAINT ${name(each.name)} ON ${table}`, '', each.comment)),
      ...changedComment(`TABLE ${table}`, from.comment, to.comment),
      ...(change.options ? alterOptions(from, to) : []),
    ],
    last: [
      ...addForeignKeys(to.name, made(change.foreignKeys)),
      ...createTriggers(to.name, made(change.triggers)),
      ...(change.rowSecurity ? rowSecuritySwitches(to.name, to.rowSecurity ?? { enabled: false, forced: false }) : []),
      ...made(change.policies).map((policy) => policyDefinition(to.name, policy)),
    ],
  };
}

function alterColumn(table: string, { from, to }: Change<Column>): string[] {
  const of = `ALTER TABLE ${name(table)} ALTER COLUMN ${name(to.name)}`;
  const retyped = from.type !== to.type || from.collation !== to.collation;
  const collate = to.collation === null ? '' : ` COLLATE ${to.collation}`;
  const changedDefault = from.default !== to.default || (retyped && to.default !== null);
  return [
    ...(from.generated && !to.generated ? [`${of} DROP EXPRESSION`] : []),
    ...(from.identity && !to.identity ? [`${of} DROP IDENTITY`] : []),
    // A default of the old type may have no cast to the new.
    ...(from.default !== null && changedDefault ? [`${of} DROP DEFAULT`] : []),
    ...(retyped ? [`${of} TYPE ${to.type}${collate} USING ${cast(name(to.name), from.type, to.type)}`] : []),
    ...(to.default !== null && changedDefault ? [`${of} SET DEFAULT ${to.default}`] : []),
    ...(from.nullable && !to.nullable ? [`${of} SET NOT NULL`] : []),
    ...(!from.nullable && to.nullable ? [`${of} DROP NOT NULL`] : []),
    ...alterIdentity(of, { from, to }),
    ...alterSettings(of, { from, to }),
    ...changedComment(`COLUMN ${name(table)}.${name(to.name)}`, from.comment, to.comment),
  ];
}

function alterIdentity(of: string, { from, to }: Change<Column>): string[] {
  if (!to.identity || same(from.identity, to.identity)) return [];
  if (!from.identity || from.identity.kind === 'auto_increment' || to.identity.kind === 'auto_increment')
    return [`${of} ADD ${identityDefinition(to.identity)}`];
  const options = sequenceOptions(to.identity.sequence).replace(
    /(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE|NO CYCLE|CYCLE)/g,
    'SET $1',
  );
  return [`${of} SET GENERATED ${to.identity.kind === 'always' ? 'ALWAYS' : 'BY DEFAULT'} ${options}`];
}

function alterSettings(of: string, { from, to }: Change<Column>): string[] {
  if (same(from.options, to.options)) return [];
  const keys = (options: readonly string[]): string[] =>
    options.filter((option) => option.startsWith('(')).map((option) => option.slice(1, option.indexOf('=')));
  const has = (column: Column, word: string): boolean => column.options.some((option) => option.startsWith(word));
  return [
    ...keys(from.options).map((key) => `${of} RESET (${key})`),
    ...(has(from, 'STATISTICS') && !has(to, 'STATISTICS') ? [`${of} SET STATISTICS -1`] : []),
    // Another type comes with its own storage; before PostgreSQL 16 nothing says DEFAULT.
    ...(has(from, 'STORAGE') && !has(to, 'STORAGE') && from.type === to.type
      ? [`${of} SET STORAGE ${/^(numeric|inet|cidr)\b/.test(to.type) ? 'MAIN' : 'EXTENDED'}`]
      : []),
    ...(compressionOf(from) === compressionOf(to) ? [] : [`${of} SET COMPRESSION ${compressionOf(to) ?? 'default'}`]),
    ...to.options.filter((option) => !option.startsWith('COMPRESSION ')).map((option) => `${of} SET ${option}`),
  ];
}

function alterOptions(from: Table, to: Table): string[] {
  const table = `ALTER TABLE ${name(to.name)}`;
  const gone = Object.keys(from.options).filter((key) => key === key.toLowerCase() && !(key in to.options));
  const identity = to.options['REPLICA IDENTITY'] ?? 'DEFAULT';
  return [
    ...(gone.length > 0 ? [`${table} RESET (${gone.join(', ')})`] : []),
    ...(storageOptions(to) === '' ? [] : [`${table} SET (${storageOptions(to)})`]),
    ...(from.options['REPLICA IDENTITY'] === to.options['REPLICA IDENTITY']
      ? []
      : [`${table} REPLICA IDENTITY ${identity}`]),
  ];
}

/** Another table takes the rows and then the name; what refers to the table itself is the caller's to take away. */
function rebuild({ from, to, renames }: TableChange): Statements {
  const temporary = `${from.name.slice(0, 40)} being rebuilt`;
  const pairs = to.columns.flatMap((column) => {
    const old = renames.find((rename) => rename.to === column.name)?.from ?? column.name;
    const before = from.columns.find((each) => each.name === old);
    return before && !column.generated ? [{ column, before }] : [];
  });
  const { last } = createTable(to);
  const target = name(temporary);
  return {
    first: [
      ...dropTriggers(from.name, from.triggers),
      ...(from.rowSecurity?.policies ?? []).map((policy) => `DROP POLICY ${name(policy.name)} ON ${name(from.name)}`),
      ...dropForeignKeys(from.name, from.foreignKeys),
    ],
    main: [
      // Its indexes and sequences have to give up their names first.
      `ALTER TABLE ${name(from.name)} RENAME TO ${target}`,
      ...namesOf(from).map(({ kind, own }, i) => `ALTER ${kind} ${name(own)} RENAME TO ${name(`being rebuilt ${i}`)}`),
      createBareTable(to),
      ...indexesAndComments(to),
      ...(pairs.length > 0
        ? [
            `INSERT INTO ${name(to.name)} (${pairs.map(({ column }) => name(column.name)).join(', ')}) ` +
              `OVERRIDING SYSTEM VALUE SELECT ${pairs
                .map(({ column, before }) => cast(name(before.name), before.type, column.type))
                .join(', ')} FROM ${target}`,
          ]
        : []),
      ...ownedSequences(from, to),
      `DROP TABLE ${target}`,
    ],
    last,
  };
}

/** The relations whose names are not the table's own, but are unique among all. */
function namesOf({ primaryKey, uniques, indexes, partitioning }: Table): { kind: 'INDEX' | 'TABLE'; own: string }[] {
  return [
    ...[...(primaryKey ? [primaryKey] : []), ...uniques, ...indexes].map((each) => ({
      kind: 'INDEX' as const,
      own: each.name,
    })),
    ...(partitioning?.partitions ?? []).map((each) => ({ kind: 'TABLE' as const, own: each.name })),
  ];
}

/** Sequences of serial columns go on with the new table. */
function ownedSequences(from: Table, to: Table): string[] {
  return to.columns.flatMap((column) => {
    const sequence = /^nextval\((?:'((?:[^']|'')*)'::regclass)\)$/.exec(column.default ?? '')?.[1];
    const before = from.columns.find((each) => each.name === column.name);
    return sequence === undefined || before?.default !== column.default
      ? []
      : [`ALTER SEQUENCE ${sequence.replaceAll("''", "'")} OWNED BY ${name(to.name)}.${name(column.name)}`];
  });
}

function removed<T>({ dropped, changed }: PartsChange<T>): T[] {
  return [...dropped, ...changed.map(({ from }) => from)];
}

function made<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}
