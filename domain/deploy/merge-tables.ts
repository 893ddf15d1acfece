import type { Column, RowSecurity, Table } from '../schema/model';
import { same } from '../schema/table-change';
import { mergeColumns } from './merge-columns';
import { mergeNamed, mergeOne, named, namesOf, wayOf, type Conflict, type Three } from './merge';

/** Merges tables: those that only one side changed whole, the others part by part. */
export function mergeTables(tables: Three<readonly Table[]>, conflicts: Conflict[]): Table[] {
  return namesOf(tables).flatMap((name) => {
    const three = named(tables, name);
    const whole = mergeOne(three);
    if (whole !== 'conflict') return whole.value === undefined ? [] : [whole.value];
    const { base, branch, target } = three;
    if (base && branch && target) return [mergeTable({ base, branch, target }, conflicts)];
    conflicts.push({ table: name, subject: name, message: `table ${name} ${wayOf(three)}` });
    return [];
  });
}

/** A table that both sides changed. */
function mergeTable(three: Three<Table>, conflicts: Conflict[]): Table {
  const { name } = three.target;
  const found: Conflict[] = [];
  const of = <T>(part: (table: Table) => T): Three<T> => ({
    base: part(three.base),
    branch: part(three.branch),
    target: part(three.target),
  });
  const list = <T extends { readonly name: string }>(what: string, part: (table: Table) => readonly T[]): T[] =>
    mergeNamed(what, of(part), found, name);
  const one = <T>(what: string, part: (table: Table) => T): T => {
    const merged = mergeOne(of(part));
    if (merged !== 'conflict') return merged.value;
    found.push({
      ...{ table: name, subject: what },
      message: `the ${what} of table ${name} was changed in both the branch and its target, in different ways`,
    });
    return part(three.target);
  };
  const table: Table = {
    name,
    columns: mergeColumns(
      name,
      of(({ columns }) => columns),
      found,
    ),
    primaryKey: one('primary key', ({ primaryKey }) => primaryKey),
    indexes: list('index', ({ indexes }) => indexes),
    uniques: list('constraint', ({ uniques }) => uniques),
    foreignKeys: list('foreign key', ({ foreignKeys }) => foreignKeys),
    checks: list('check', ({ checks }) => checks),
    triggers: list('trigger', ({ triggers }) => triggers),
    partitioning: one('partitioning', ({ partitioning }) => partitioning),
    comment: one('comment', ({ comment }) => comment),
    options: mergeOptions(
      of(({ options }) => options),
      (key) => one(`option ${key}`, ({ options }) => options[key]),
    ),
    rowSecurity: mergeSecurity(
      of(({ rowSecurity }) => rowSecurity),
      () => list('policy', ({ rowSecurity }) => rowSecurity?.policies ?? []),
    ),
  };
  conflicts.push(...found, ...(found.length === 0 ? dangling(table) : []));
  return table;
}

type Options = Table['options'];

function mergeOptions({ base, branch, target }: Three<Options>, merge: (key: string) => string | undefined): Options {
  if (same(branch, base)) return target;
  const keys = [...new Set([base, branch, target].flatMap((options) => Object.keys(options)))].sort();
  const merged = keys.flatMap((key) => {
    const value = merge(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(merged);
}

function mergeSecurity(
  { base, branch, target }: Three<RowSecurity | null>,
  policies: () => RowSecurity['policies'],
): RowSecurity | null {
  if (!base && !branch && !target) return null;
  const flag = (key: 'enabled' | 'forced'): boolean => {
    const [was, own, now] = [base, branch, target].map((each) => each?.[key] ?? false);
    return (own === was ? now : own)!;
  };
  return { enabled: flag('enabled'), forced: flag('forced'), policies: policies() };
}

/** Keys of columns that the other side has dropped. */
function dangling({ name, columns, ...table }: Table): Conflict[] {
  const present = new Set(columns.map((column: Column) => column.name));
  const keys = [
    ...[...(table.primaryKey ? [table.primaryKey] : []), ...table.uniques, ...table.indexes].map((key) => ({
      name: key.name,
      columns: key.parts.flatMap(({ column }) => column ?? []),
    })),
    ...table.foreignKeys,
  ];
  return keys.flatMap((key) =>
    key.columns
      .filter((column) => !present.has(column))
      .map((column) => ({
        ...{ table: name, subject: key.name },
        message: `${name}.${key.name} needs the column ${column}, which the other side has dropped`,
      })),
  );
}
