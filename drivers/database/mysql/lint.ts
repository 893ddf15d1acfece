import type { Operation, SchemaChange } from '../../../domain/schema/change';
import { lintSchemas, type LintPolicy } from '../../../domain/schema/lint';
import type { LintCode, LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf, type Constraint, type Index, type Table } from '../../../domain/schema/model';
import { name, names } from '../../../domain/schema/mysql/quote';
import { unfitValues } from '../../../domain/schema/mysql/values';
import { compareTables, type PartsChange, type TableChange } from '../../../domain/schema/table-change';
import { text } from './rows';
import type { Session } from './session';

/** Everything that keeps a change from being made safely, as far as the schemas and the rows tell. */
export async function lint(
  session: Session,
  change: SchemaChange,
  operations: readonly Operation[],
  policy: LintPolicy,
): Promise<LintMessage[]> {
  const messages = lintSchemas(change, operations, policy);
  for (const to of change.to.tables) {
    const from = tableOf(change.from, to.name);
    const altered = from && compareTables(from, to, change.renames);
    if (altered) for (const question of questionsOf(altered)) messages.push(...(await ask(session, from, question)));
  }
  return messages;
}

/** Something that no row may be. */
interface Question {
  readonly code: LintCode;
  readonly column: string | null;
  readonly subject: string | null;
  /** SQL over the table by the name of `t`. */
  readonly condition: string;
  /** What such rows are, after their number. */
  readonly are: string;
}

function questionsOf(change: TableChange): Question[] {
  return [...ofColumns(change), ...ofKeys(change), ...ofRules(change)];
}

function ofColumns(change: TableChange): Question[] {
  return change.columns.changed.flatMap(({ from, to }) => {
    if (to.generated !== null) return [];
    const about = { column: to.name, subject: null };
    const unfit = unfitValues(from, to, change).map(({ code, condition }) => ({
      ...{ ...about, code, condition },
      are: code === 'VALUES_CHANGE' ? `would not stay the same as ${to.type}` : `do not fit into ${to.type}`,
    }));
    const empty = from.nullable && !to.nullable && to.default === null;
    return [
      ...unfit,
      ...(empty
        ? [{ ...about, code: 'NULLS_PRESENT' as const, condition: `${name(from.name)} IS NULL`, are: 'have no value' }]
        : []),
    ];
  });
}

function ofKeys({ from, primaryKey, indexes, renames }: TableChange): Question[] {
  const keys: (Constraint | Index)[] = [
    ...(primaryKey?.to ? [primaryKey.to] : []),
    ...made(indexes).filter(({ unique }) => unique),
  ];
  return keys.flatMap((key) => {
    const old = (column: string): string => renames.find((rename) => rename.to === column)?.from ?? column;
    const columns = key.parts.map(({ column, prefix }) => ({ column: column === null ? null : old(column), prefix }));
    // Of an expression, or of a column that is new, the rows tell nothing yet.
    if (columns.some(({ column }) => column === null || !from.columns.some((each) => each.name === column))) return [];
    const part = (alias: string): string[] =>
      columns.map(({ column, prefix }) =>
        prefix === null ? `${alias}.${name(column!)}` : `LEFT(${alias}.${name(column!)}, ${prefix})`,
      );
    const full = part('t').map((each) => `${each} IS NOT NULL`);
    return [
      {
        code: 'DUPLICATES_PRESENT' as const,
        column: null,
        subject: key.name,
        condition:
          `${full.join(' AND ')} AND (${part('t').join(', ')}) IN (SELECT ${part('d').join(', ')} FROM ${name(from.name)} AS d ` +
          `GROUP BY ${part('d').join(', ')} HAVING COUNT(*) > 1)`,
        are: `are equal in ${key.name}`,
      },
    ];
  });
}

function ofRules({ from, checks, foreignKeys, renames, columns }: TableChange): Question[] {
  const fresh = columns.added.map(({ column }) => name(column.name));
  const known = (expression: string): boolean =>
    renames.length === 0 && !fresh.some((column) => expression.includes(column));
  const rules = made(checks)
    .filter(({ expression }) => known(expression))
    .map(({ name: own, expression }) => ({
      ...{ code: 'CHECK_VIOLATED' as const, column: null, subject: own },
      ...{ condition: `NOT (${expression})`, are: `break ${own}` },
    }));
  const references = made(foreignKeys)
    .filter((key) => key.columns.every((column) => from.columns.some((each) => each.name === column)))
    .map((key) => {
      const equal = key.columns.map((column, i) => `p.${name(key.references.columns[i]!)} = t.${name(column)}`);
      return {
        ...{ code: 'FOREIGN_KEY_VIOLATED' as const, column: key.columns[0]!, subject: key.name },
        condition:
          `${key.columns.map((column) => `t.${name(column)} IS NOT NULL`).join(' AND ')} AND NOT EXISTS ` +
          `(SELECT 1 FROM ${name(key.references.table)} AS p WHERE ${equal.join(' AND ')})`,
        are: `refer to rows of ${key.references.table} that are not there`,
      };
    });
  return [...rules, ...references];
}

async function ask(
  session: Session,
  table: Table,
  { code, column, subject, condition, are }: Question,
): Promise<LintMessage[]> {
  const where = `FROM ${name(table.name)} AS t WHERE ${condition}`;
  const [count] = await session.query(`SELECT COUNT(*) AS n ${where}`);
  const rows = Number(count!.n);
  if (rows === 0) return [];
  const key = (table.primaryKey?.parts ?? []).flatMap((part) => (part.column === null ? [] : [part.column]));
  const [example] = key.length > 0 ? await session.query(`SELECT ${names(key)} ${where} LIMIT 1`) : [];
  const shown = Object.fromEntries(key.map((each) => [each, text(example?.[each])]));
  const [first] = Object.entries(shown).map(([each, value]) => `${each} = ${value}`);
  const what = column === null ? table.name : `${table.name}.${column}`;
  return [
    {
      ...{ code, table: table.name, column, subject, rows: { count: rows, example: shown } },
      message: `${rows} rows of ${what} ${are}${first === undefined ? '' : `, the first of them with ${first}`}`,
    },
  ];
}

function made<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}
