import type { Rename } from './change';
import {
  columnOf,
  type Check,
  type Column,
  type Constraint,
  type ForeignKey,
  type Index,
  type IndexPart,
  type Table,
} from './model';
import type { Policy, Trigger } from './model';

/** How one table becomes another, part by part. Parts without order are known by their names. */
export interface TableChange {
  readonly from: Table;
  readonly to: Table;
  readonly renames: readonly Rename[];
  readonly columns: ColumnsChange;
  readonly primaryKey: Change<Constraint | null> | null;
  readonly indexes: PartsChange<Index>;
  readonly uniques: PartsChange<Constraint>;
  readonly foreignKeys: PartsChange<ForeignKey>;
  readonly checks: PartsChange<Check>;
  readonly triggers: PartsChange<Trigger>;
  readonly policies: PartsChange<Policy>;
  /** Whether partitioning, comment, options or row security (beside its policies) differ. */
  readonly partitioning: boolean;
  readonly comment: boolean;
  readonly options: boolean;
  readonly rowSecurity: boolean;
}

export interface Change<T> {
  readonly from: T;
  readonly to: T;
}

/** What becomes of named parts. What is changed is usually dropped and added again. */
export interface PartsChange<T> {
  readonly dropped: readonly T[];
  readonly added: readonly T[];
  readonly changed: readonly Change<T>[];
}

export interface ColumnsChange {
  readonly dropped: readonly Column[];
  readonly added: readonly PlacedColumn[];
  /** Including those that only have another name. */
  readonly changed: readonly (Change<Column> & { readonly after: string | null })[];
  /** Columns that stay but stand in another order among those that stay. */
  readonly moved: readonly PlacedColumn[];
}

/** A column and what it stands behind; null for the first. */
export interface PlacedColumn {
  readonly column: Column;
  readonly after: string | null;
}

/** Compares two forms of a table; null when they are the same. */
export function compareTables(from: Table, to: Table, renames: readonly Rename[]): TableChange | null {
  const own = renames.filter(({ table }) => table === from.name);
  const was = withNewNames(from, own);
  const change: TableChange = {
    ...{ from, to, renames: own },
    columns: compareColumns(from, to, own),
    primaryKey: same(was.primaryKey, to.primaryKey) ? null : { from: from.primaryKey, to: to.primaryKey },
    indexes: compareParts(was.indexes, to.indexes),
    uniques: compareParts(was.uniques, to.uniques),
    foreignKeys: compareParts(was.foreignKeys, to.foreignKeys),
    checks: compareParts(was.checks, to.checks),
    triggers: compareParts(was.triggers, to.triggers),
    policies: compareParts(was.rowSecurity?.policies ?? [], to.rowSecurity?.policies ?? []),
    partitioning: !same(was.partitioning, to.partitioning),
    comment: was.comment !== to.comment,
    options: !same(was.options, to.options),
    rowSecurity: !same(switches(was), switches(to)),
  };
  return isEmpty(change) ? null : change;
}

/** Whether two parts of a model are the same; models are plain and their keys always stand in one order. */
export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Compares parts that are known by their names. */
export function compareParts<T extends { readonly name: string }>(
  from: readonly T[],
  to: readonly T[],
): PartsChange<T> {
  const [old, fresh] = [byName(from), byName(to)];
  return {
    dropped: from.filter(({ name }) => !fresh.has(name)),
    added: to.filter(({ name }) => !old.has(name)),
    changed: to.flatMap((part) => {
      const before = old.get(part.name);
      return before === undefined || same(before, part) ? [] : [{ from: before, to: part }];
    }),
  };
}

function compareColumns(from: Table, to: Table, renames: readonly Rename[]): ColumnsChange {
  const newName = (name: string): string => renames.find((rename) => rename.from === name)?.to ?? name;
  const pairs = from.columns.flatMap((column) => {
    const after = columnOf(to, newName(column.name));
    return after ? [{ from: column, to: after }] : [];
  });
  const kept = new Set(pairs.map(({ to: { name } }) => name));
  const placed = to.columns.map((column, i) => ({ column, after: to.columns[i - 1]?.name ?? null }));
  const settled = longestRun(pairs.map(({ to: { name } }) => to.columns.findIndex((column) => column.name === name)));
  return {
    dropped: from.columns.filter(({ name }) => !kept.has(newName(name))),
    added: placed.filter(({ column }) => !kept.has(column.name)),
    changed: pairs
      .filter(({ from: before, to: after }) => !same(before, after))
      .map((pair) => ({ ...pair, after: placed.find(({ column }) => column === pair.to)!.after })),
    moved: placed.filter(({ column }, position) => kept.has(column.name) && !settled.has(position)),
  };
}

/** The most positions that stand in rising order: the columns that need not be moved. */
function longestRun(positions: readonly number[]): ReadonlySet<number> {
  const best: number[][] = [];
  for (const position of positions) {
    const longest = best.filter((run) => run.at(-1)! < position).toSorted((a, b) => b.length - a.length)[0] ?? [];
    best.push([...longest, position]);
  }
  return new Set(best.toSorted((a, b) => b.length - a.length)[0] ?? []);
}

/** The table as the server shows it once its columns have their new names. */
function withNewNames(table: Table, renames: readonly Rename[]): Table {
  if (renames.length === 0) return table;
  const name = (column: string): string => renames.find((rename) => rename.from === column)?.to ?? column;
  const sql = (expression: string | null): string | null =>
    expression === null ? null : renames.reduce((text, rename) => renamedIn(text, rename), expression);
  const part = (each: IndexPart): IndexPart => ({
    ...each,
    column: each.column === null ? null : name(each.column),
    expression: sql(each.expression),
  });
  const key = <T extends Constraint | Index>(each: T): T => ({
    ...each,
    parts: each.parts.map(part),
    definition: sql(each.definition),
    ...('where' in each ? { where: sql(each.where) } : {}),
  });
  return {
    ...table,
    primaryKey: table.primaryKey && key(table.primaryKey),
    indexes: table.indexes.map(key),
    uniques: table.uniques.map(key),
    foreignKeys: table.foreignKeys.map((each) => ({
      ...each,
      columns: each.columns.map(name),
      definition: sql(each.definition),
    })),
  };
}

/** Text, names in quotes, plain words; and whatever stands between them. */
const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*|./gsu;

/**
 * An expression of PostgreSQL as the server prints it once a column has another name. What is not certain stays as it is:
 * then the part is made anew.
 */
function renamedIn(expression: string, { from, to }: Rename): string {
  const own = (column: string): string =>
    /^[a-z_][a-z0-9_]*$/.test(column) ? column : `"${column.replaceAll('"', '""')}"`;
  const words = expression.match(tokens) ?? [];
  return words
    .map((word, i) => {
      const column = word === own(from) || word === `"${from}"`;
      return column && words[i + 1] !== '(' && !/^[:.]$/.test(words[i - 1] ?? '') ? own(to) : word;
    })
    .join('');
}

function switches({ rowSecurity }: Table): unknown {
  return rowSecurity && { enabled: rowSecurity.enabled, forced: rowSecurity.forced };
}

function byName<T extends { readonly name: string }>(parts: readonly T[]): ReadonlyMap<string, T> {
  return new Map(parts.map((part) => [part.name, part]));
}

function isEmpty(change: TableChange): boolean {
  const { columns, indexes, uniques, foreignKeys, checks, triggers, policies } = change;
  const lists = [columns.dropped, columns.added, columns.changed, columns.moved];
  for (const { dropped, added, changed } of [indexes, uniques, foreignKeys, checks, triggers, policies])
    lists.push(dropped as never[], added as never[], changed as never[]);
  const { primaryKey, partitioning, comment, options, rowSecurity } = change;
  return (
    lists.every((list) => list.length === 0) &&
    primaryKey === null &&
    !(partitioning || comment || options || rowSecurity)
  );
}
