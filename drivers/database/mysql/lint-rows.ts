import type { SchemaChange } from '../../../domain/schema/change';
import { newNameOf } from '../../../domain/schema/key';
import { lintCodes, type LintCode, type LintMessage } from '../../../domain/schema/lint-codes';
import { columnOf, type Column, type Constraint, type Index, type Table } from '../../../domain/schema/model';
import { name, names } from '../../../domain/schema/mysql/quote';
import { unfitValues } from '../../../domain/schema/mysql/values';
import type { PartsChange, TableChange } from '../../../domain/schema/table-change';
import { text } from './rows';
import type { Session } from './session';
import { characterSet, inCollation, isText } from './sql';

/** Something that no row may be. */
interface Question {
  readonly code: LintCode;
  readonly column: string | null;
  readonly subject: string | null;
  /** SQL over the table by the name of `t`; null where no row is needed to know. */
  readonly condition: string | null;
  /** What such rows are, after their number; or, where none is needed, the whole sentence. */
  readonly are: string;
  /** What goes by the name of `t`, where it is not the table itself. */
  readonly from?: string;
}

/** Asks the rows of a table whether they can become what the change makes of them. */
export async function askRows(session: Session, change: SchemaChange, altered: TableChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  for (const question of [
    ...ofPartitions(altered),
    ...ofColumns(altered),
    ...ofKeys(altered),
    ...ofChecks(altered),
    ...ofKeysAbroad(change, altered),
  ])
    messages.push(...(await ask(session, altered.from, question)));
  return messages;
}

/** Of every column that stays: a table's character set is that of columns that are not changed themselves. */
function ofColumns(change: TableChange): Question[] {
  return stayingColumns(change).flatMap(({ from, to }) => {
    const about = { column: to.name, subject: null };
    const old = `t.${name(from.name)}`;
    if (from.generated === null && to.generated !== null)
      return [
        {
          ...{ ...about, code: 'VALUES_CHANGE' as const, are: `are not what ${to.generated.expression} gives` },
          condition: `NOT (${old} <=> (${to.generated.expression}))`,
        },
      ];
    if (to.generated !== null || from.generated !== null) return [];
    const unfit = unfitValues(from, to, change).map(({ code, condition }): Question => ({
      ...{ ...about, code, condition },
      are:
        condition === null
          ? `values of ${change.from.name}.${from.name} (${from.type}) are not sure to be the same as ${to.type}`
          : code === 'VALUES_CHANGE'
            ? `would not stay the same as ${to.type}`
            : `do not fit into ${to.type}`,
    }));
    if (!from.nullable || to.nullable) return unfit;
    const empty = { ...about, condition: `${old} IS NULL` };
    return to.default === null
      ? [...unfit, { ...empty, code: 'NULLS_PRESENT', are: 'have no value' }]
      : [...unfit, { ...empty, code: 'NULLS_FILLED', are: `have no value and would get ${to.default}` }];
  });
}

function ofKeys(change: TableChange): Question[] {
  const { from, to, primaryKey, indexes } = change;
  const compared = stayingColumns(change).filter((pair) => isComparedAnew(pair, change));
  const made = [...(primaryKey?.to ? [primaryKey.to] : []), ...newParts(indexes).filter(({ unique }) => unique)];
  const touched = [...(to.primaryKey ? [to.primaryKey] : []), ...to.indexes.filter(({ unique }) => unique)].filter(
    ({ parts }) => parts.some(({ column }) => compared.some((pair) => pair.to.name === column)),
  );
  return [...new Set<Constraint | Index>([...made, ...touched])].flatMap((key) => {
    const parts = key.parts.map((part) => partOf(change, part.column, part.prefix));
    if (parts.some((part) => part === 'unknown' || part === 'null')) return [];
    const known = parts.filter((part) => typeof part !== 'string');
    const of = (alias: string): string[] => known.map((part) => part(alias));
    const several =
      known.length === 0
        ? `(SELECT COUNT(*) FROM ${name(from.name)}) > 1`
        : `${of('t')
            .map((each) => `${each} IS NOT NULL`)
            .join(' AND ')} AND (${of('t').join(', ')}) IN ` +
          `(SELECT ${of('d').join(', ')} FROM ${name(from.name)} AS d GROUP BY ${of('d').join(', ')} HAVING COUNT(*) > 1)`;
    return [
      {
        ...{ code: 'DUPLICATES_PRESENT' as const, column: null, subject: key.name },
        ...{ condition: several, are: `are equal in ${key.name}` },
      },
    ];
  });
}

type KeyPart = ((alias: string) => string) | 'constant' | 'null' | 'unknown';

/** What a part of a key is for the rows that are there. */
function partOf(change: TableChange, column: string | null, prefix: number | null): KeyPart {
  const fresh = column === null ? null : columnOf(change.to, column);
  if (fresh === null) return 'unknown';
  const pair = stayingColumns(change).find(({ to }) => to.name === fresh.name);
  if (!pair) {
    if (fresh.identity !== null || fresh.generated !== null) return 'unknown';
    if (fresh.default === null) return fresh.nullable ? 'null' : 'constant';
    return fresh.default.includes('(') ? 'unknown' : 'constant';
  }
  if (pair.from.generated === null && fresh.generated !== null) return 'unknown';
  return (alias) => {
    const own = `${alias}.${name(pair.from.name)}`;
    const value = isText(fresh) && isText(pair.from) ? inCollation(own, fresh, change.to) : own;
    return prefix === null ? value : `LEFT(${value}, ${prefix})`;
  };
}

function isComparedAnew({ from, to }: ColumnPair, change: TableChange): boolean {
  if (!isText(from) || !isText(to)) return from.type !== to.type;
  return characterSet(from, change.from).collation !== characterSet(to, change.to).collation;
}

function ofChecks(change: TableChange): Question[] {
  const { from, to, checks, renames, columns } = change;
  const plain = renames.length === 0 && columns.added.length === 0;
  // As the rows will be: under their new names, with what is filled in.
  const become = to.columns.flatMap((column) => {
    const pair = stayingColumns(change).find((each) => each.to === column);
    if (pair) return [`${name(pair.from.name)} AS ${name(column.name)}`];
    return column.generated === null && column.identity === null
      ? [`${column.default ?? 'NULL'} AS ${name(column.name)}`]
      : [];
  });
  const unknown = to.columns.filter(({ generated, name: own }) => generated !== null && !columnOf(from, own));
  return newParts(checks)
    .filter(({ expression }) => !unknown.some((column) => expression.includes(name(column.name))))
    .map(({ name: own, expression }) => ({
      ...{ code: 'CHECK_VIOLATED' as const, column: null, subject: own },
      ...{ condition: `NOT (${expression})`, are: `break ${own}` },
      ...(plain ? {} : { from: `(SELECT ${become.join(', ')} FROM ${name(from.name)}) AS t` }),
    }));
}

/** Rows that no partition takes. Of partitions by hash or key, and by names of several columns, nothing is asked. */
function ofPartitions({ from, to, partitioning }: TableChange): Question[] {
  const [, kind, expression] =
    /^(RANGE|LIST)(?: +COLUMNS)? *\(([^\n]*)\)/.exec(to.partitioning?.definition ?? '') ?? [];
  if (!partitioning || expression === undefined || from.columns.some(({ name: own }) => !columnOf(to, own))) return [];
  const bounds = to.partitioning!.partitions.map(({ bound }) => bound);
  const last = bounds.at(-1)!;
  if (bounds.some((bound) => /^(MAXVALUE|DEFAULT)\b/.test(bound)) || last.includes('MAXVALUE')) return [];
  const outside =
    kind === 'RANGE'
      ? `(${expression}) >= (${last})`
      : `NOT (COALESCE((${expression}) IN (${bounds.join(', ')}), ${bounds.some((bound) => /\bNULL\b/.test(bound)) ? 'TRUE' : 'FALSE'}))`;
  const about = { code: 'VALUES_DO_NOT_FIT' as const, column: null, subject: 'PARTITION BY' };
  return [{ ...about, condition: outside, are: 'are in no partition' }];
}

/** New foreign keys, and those whose table or parent keeps fewer rows apart. */
function ofKeysAbroad({ from: model, renames }: SchemaChange, { from, foreignKeys }: TableChange): Question[] {
  const before = (table: string, column: string): string =>
    renames.find((rename) => rename.table === table && rename.to === column)?.from ?? column;
  return newParts(foreignKeys)
    .filter(({ references }) => references.schema === null)
    .map((key) => ({ key, own: key.columns.map((column) => before(from.name, column)) }))
    .filter(({ own }) => own.every((column) => columnOf(from, column) !== null))
    .map(({ key, own }) => {
      const { table, columns } = key.references;
      const parent = model.tables.find((each) => each.name === table);
      const equal = own.map((column, i) => `p.${name(before(table, columns[i]!))} = t.${name(column)}`);
      const there = parent ? ` AND NOT EXISTS (SELECT 1 FROM ${name(table)} AS p WHERE ${equal.join(' AND ')})` : '';
      return {
        ...{ code: 'FOREIGN_KEY_VIOLATED' as const, column: key.columns[0]!, subject: key.name },
        condition: `${own.map((column) => `t.${name(column)} IS NOT NULL`).join(' AND ')}${there}`,
        are: `refer to rows of ${table} that are not there`,
      };
    });
}

interface ColumnPair {
  readonly from: Column;
  readonly to: Column;
}

function stayingColumns({ from, to, renames }: TableChange): ColumnPair[] {
  return from.columns.flatMap((column) => {
    const after = columnOf(to, newNameOf({ from, renames }, column.name));
    return after ? [{ from: column, to: after }] : [];
  });
}

async function ask(session: Session, table: Table, question: Question): Promise<LintMessage[]> {
  const { code, column, subject, condition, are } = question;
  const about = { code, table: table.name, column, subject };
  if (condition === null) return [{ ...about, rows: null, message: are }];
  const where = `FROM ${question.from ?? `${name(table.name)} AS t`} WHERE ${condition}`;
  const [count] = await session.query(`SELECT COUNT(*) AS n ${where}`);
  const rows = Number(count!.n);
  if (rows === 0) return [];
  const key = question.from ? [] : keyColumns(table);
  const [example] = key.length > 0 ? await session.query(`SELECT ${names(key)} ${where} LIMIT 1`) : [];
  const shown = Object.fromEntries(key.map((each) => [each, text(example?.[each])]));
  const first = Object.entries(shown).map(([each, value]) => `${each} = ${value}`);
  const what = column === null ? table.name : `${table.name}.${column}`;
  const severe = lintCodes[code].severity === 'error';
  return [
    {
      ...{ ...about, rows: { count: rows, example: shown } },
      message: `${rows} rows of ${what} ${are}${severe && first.length > 0 ? `, one of them with ${first.join(', ')}` : ''}`,
    },
  ];
}

function keyColumns({ primaryKey, indexes }: Table): string[] {
  const parts = primaryKey?.parts ?? indexes.find(({ unique }) => unique)?.parts ?? [];
  return parts.flatMap(({ column }) => (column === null ? [] : [column]));
}

function newParts<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}
