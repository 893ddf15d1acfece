import { FlagKind, type Flag } from './change';
import type { DdlWriter } from './ddl';
import type { Column, Table } from './model';
import type { PartsChange, TableChange } from './table-change';

/** What somebody should know before a table is dropped. */
export function flagsOfDrop({ name }: Table): Flag[] {
  return [flag(FlagKind.dropsData, null, `table ${name} and its rows are gone once the change is complete`)];
}

/** What somebody should know before a table is altered. */
export function flagsOfAlter(change: TableChange, ddl: Pick<DdlWriter, 'widens'>): Flag[] {
  const { columns, from } = change;
  return [
    ...columns.dropped.map(({ name }) =>
      flag(FlagKind.dropsData, name, `the values of ${from.name}.${name} are gone once the change is complete`),
    ),
    ...columns.dropped.flatMap((dropped) => maybeRenamed(change, dropped)),
    ...columns.changed.flatMap(({ from: old, to: fresh }) => flagsOfColumn(from.name, old, fresh, ddl)),
    ...newUniques(change),
    ...newRules(change),
  ];
}

function maybeRenamed({ columns, from }: TableChange, dropped: Column): Flag[] {
  return columns.added
    .filter(({ column }) => column.type === dropped.type && column.generated === null && dropped.generated === null)
    .map(({ column }) =>
      flag(
        FlagKind.maybeRename,
        dropped.name,
        `${from.name}.${dropped.name} is dropped and ${column.name} of the same type is added: if it is the same ` +
          `column under another name, declare the rename, or its values are lost`,
      ),
    );
}

function flagsOfColumn(table: string, old: Column, fresh: Column, ddl: Pick<DdlWriter, 'widens'>): Flag[] {
  const flags: Flag[] = [];
  if (old.type !== fresh.type && fresh.generated === null && !ddl.widens(old.type, fresh.type))
    flags.push(
      flag(
        FlagKind.narrows,
        fresh.name,
        `values of ${table}.${old.name} (${old.type}) may not be the same, or not fit, as ${fresh.type}`,
      ),
    );
  if (old.nullable && !fresh.nullable)
    flags.push(flag(FlagKind.newNotNull, fresh.name, `rows without a ${table}.${old.name} would be refused`));
  return flags;
}

function newUniques({ primaryKey, indexes, uniques, from }: TableChange): Flag[] {
  const keys = [
    ...(primaryKey?.to ? [primaryKey.to] : []),
    ...made(uniques),
    ...made(indexes).filter(({ unique }) => unique),
  ];
  return keys.map(({ name }) =>
    flag(FlagKind.newUnique, name, `rows of ${from.name} that are equal in ${name} would be refused`),
  );
}

function newRules({ checks, foreignKeys, from }: TableChange): Flag[] {
  return [...made(checks), ...made(foreignKeys)].map(({ name }) =>
    flag(FlagKind.newRule, name, `rows of ${from.name} that break ${name} would be refused`),
  );
}

function made<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}

function flag(kind: FlagKind, subject: string | null, message: string): Flag {
  return { kind, subject, message };
}
