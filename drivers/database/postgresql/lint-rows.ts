import type { SchemaChange } from '../../../domain/schema/change';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { LintCode, LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf, type Column, type Constraint, type Table } from '../../../domain/schema/model';
import { literal, name } from '../../../domain/schema/postgresql/quote';
import { assigned, widens } from '../../../domain/schema/postgresql/types';
import type { Change, PartsChange, TableChange } from '../../../domain/schema/table-change';
import { ServerError, type Session } from './session';

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

/** Makes types that the change will make, for this session alone, so that rows can be tried against them. */
export async function makeTypes(session: Session, { operations }: PlannedChange): Promise<void> {
  const types = operations.filter(({ object, kind }) => kind === 'CREATE' && ['enum', 'domain'].includes(object));
  if (types.length === 0) return;
  await session.execute(`SET search_path = pg_temp, ${name(session.schema)}`);
  for (const statement of types.flatMap(({ ddl }) => ddl.main))
    await session.execute(statement).catch((error: unknown) => {
      // What needs more of the change than types cannot be tried.
      if (!(error instanceof ServerError) || error.fatal) throw error;
    });
}

/** Asks the rows of a table whether they can become what the change makes of them. */
export async function askRows(session: Session, change: SchemaChange, altered: TableChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  for (const question of [
    ...(await ofColumns(session, altered)),
    ...ofNewColumns(altered),
    ...ofKeys(altered),
    ...ofChecks(altered),
    ...ofForeignKeys(change, altered),
  ])
    messages.push(...(await ask(session, altered.from, question)));
  return messages;
}

async function ofColumns(session: Session, { columns }: TableChange): Promise<Question[]> {
  const questions: Question[] = [];
  for (const [i, pair] of columns.changed.entries()) {
    const { from, to } = pair;
    if (to.generated !== null) continue;
    const about = { column: to.name, subject: null };
    if (from.type !== to.type && !widens(from.type, to.type)) {
      const trial = await createTrial(session, i, pair);
      const becomes = `${trial}(t.${name(from.name)})`;
      questions.push(
        { ...about, code: 'VALUES_DO_NOT_FIT', condition: `${becomes} = 'fails'`, are: `do not fit into ${to.type}` },
        {
          ...{ ...about, code: 'VALUES_CHANGE', condition: `${becomes} = 'changes'` },
          are: `would not stay the same as ${to.type}`,
        },
      );
    }
    const filled = to.default !== null && !to.default.includes('(');
    if (from.nullable && !to.nullable && !filled)
      questions.push({
        ...{ ...about, code: 'NULLS_PRESENT', condition: `t.${name(from.name)} IS NULL` },
        are: 'have no value',
      });
  }
  return questions;
}

/** Types whose values may be written in several ways; the value is kept, if not the writing. */
const normalizing = /^(json|jsonb|uuid|inet|cidr|macaddr|xml|boolean|tsvector|point|bytea)\b/;

/** Makes a function that tries what an assignment of a value would do. @returns its name. */
async function createTrial(session: Session, i: number, { from, to }: Change<Column>): Promise<string> {
  const trial = `pg_temp.gw_trial_${i}`;
  const comparable = !/^(json|xml|point)\b/.test(from.type);
  const compared = normalizing.test(to.type)
    ? 'true'
    : `again::text IS NOT DISTINCT FROM before::text${comparable ? ' OR again = before' : ''}`;
  const body =
    `DECLARE value ${to.type}; again ${from.type}; BEGIN IF before IS NULL THEN RETURN NULL; END IF; ` +
    `value := ${assigned('before', from.type, to.type)}; again := ${assigned('value', to.type, from.type)}; ` +
    `RETURN CASE WHEN ${compared} THEN 'stays' ELSE 'changes' END; ` +
    `EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN RETURN 'fails'; END`;
  await session.execute(
    `CREATE OR REPLACE FUNCTION ${trial}(before ${from.type}) RETURNS text LANGUAGE plpgsql STABLE AS ${literal(body)}`,
  );
  return trial;
}

/** A new column that must have a value and has none to give would be refused for every row. */
function ofNewColumns({ columns }: TableChange): Question[] {
  return columns.added
    .map(({ column }) => column)
    .filter(({ nullable, default: set, generated, identity }) => !nullable && set === null && !generated && !identity)
    .map((column) => ({
      ...{ code: 'NULLS_PRESENT' as const, column: column.name, subject: null, condition: 'true' },
      are: `would have no value in ${column.name}`,
    }));
}

/** Groups rather than a join of the table with itself: one pass, with or without an index. */
function ofKeys(change: TableChange): Question[] {
  const keys = [
    ...(change.primaryKey?.to ? [{ ...change.primaryKey.to, where: null }] : []),
    ...made(change.uniques)
      .filter(({ kind }) => kind === 'unique')
      .map((unique) => ({ ...unique, where: null })),
    ...made(change.indexes).filter(({ unique }) => unique),
  ];
  return [
    ...keys.flatMap(({ name: key, parts, where, definition }) => {
      const values = parts.map(({ column, expression }) => {
        const old = oldName(change, column);
        return column === null ? `(${expression!})` : old === null ? null : name(old);
      });
      if (values.includes(null)) return [];
      const some = [
        ...(where === null ? [] : [`(${where})`]),
        ...(/NULLS NOT DISTINCT/.test(definition ?? '') ? [] : values.map((value) => `${value} IS NOT NULL`)),
      ];
      const equal =
        `SELECT unnest(array_agg(ctid)) FROM ${name(change.from.name)}` +
        `${some.length > 0 ? ` WHERE ${some.join(' AND ')}` : ''} GROUP BY ${values.join(', ')} HAVING count(*) > 1`;
      return [
        duplicates(key, parts[0]!.column, `t.ctid IN (${equal})`, `are equal to another in ${values.join(', ')}`),
      ];
    }),
    ...made(change.uniques)
      .filter(({ kind }) => kind === 'exclusion')
      .flatMap((exclusion) => ofExclusion(change, exclusion)),
  ];
}

/** An exclusion of plain columns; of anything else the copy tells. */
function ofExclusion(change: TableChange, { name: key, parts, definition }: Constraint): Question[] {
  const operators = [...(definition ?? '').matchAll(/ WITH ([^,)\s]+)/g)].map((found) => found[1]!);
  const columns = parts.map(({ column }) => oldName(change, column));
  if (columns.includes(null) || operators.length !== columns.length || / WHERE \(/.test(definition!)) return [];
  const excludes = columns.map((column, i) => `o.${name(column!)} ${operators[i]!} t.${name(column!)}`);
  const condition = `EXISTS (SELECT FROM ${name(change.from.name)} o WHERE ${excludes.join(' AND ')} AND o.ctid <> t.ctid)`;
  return [duplicates(key, parts[0]!.column, condition, `exclude others by ${key}`)];
}

function duplicates(key: string, column: string | null, condition: string, are: string): Question {
  return { code: 'DUPLICATES_PRESENT', column, subject: key, condition, are };
}

function ofChecks({ checks }: TableChange): Question[] {
  return made(checks).map(({ name: check, expression }) => ({
    ...{ code: 'CHECK_VIOLATED' as const, column: null, subject: check },
    condition: `NOT (${expression.replace(/^CHECK /, '').replace(/ (NO INHERIT|NOT VALID)$/g, '')})`,
    are: `break the check ${check}`,
  }));
}

function ofForeignKeys(change: SchemaChange, altered: TableChange): Question[] {
  return made(altered.foreignKeys).flatMap(({ name: key, columns, references, definition }) => {
    const own = columns.map((column) => oldName(altered, column));
    const there = references.schema !== null || tableOf(change.from, references.table) !== null;
    if (own.includes(null) || !there || /NOT VALID$/.test(definition ?? '')) return [];
    const target = `${references.schema === null ? '' : `${name(references.schema)}.`}${name(references.table)}`;
    const set = (own as string[]).map((column) => `t.${name(column)} IS NOT NULL`);
    const equal = references.columns.map((column, i) => `p.${name(column)} = t.${name(own[i]!)}`);
    return [
      {
        ...{ code: 'FOREIGN_KEY_VIOLATED' as const, column: columns[0]!, subject: key },
        condition: `${set.join(' AND ')} AND NOT EXISTS (SELECT FROM ${target} p WHERE ${equal.join(' AND ')})`,
        are: `refer to nothing in ${references.table}`,
      },
    ];
  });
}

/** What a column of the new table was called, or null for one that is new. */
function oldName({ from, renames }: TableChange, column: string | null): string | null {
  const old = renames.find((rename) => rename.to === column)?.from ?? column;
  return from.columns.some((each) => each.name === old) ? old : null;
}

async function ask(session: Session, table: Table, question: Question): Promise<LintMessage[]> {
  const key = (table.primaryKey?.parts ?? []).flatMap(({ column }) => (column === null ? [] : [column]));
  const shown = key.length > 0 ? key : table.columns.slice(0, 1).map((column) => column.name);
  const example = `json_build_object(${shown.map((column) => `${literal(column)}, t.${name(column)}::text`).join(', ')})`;
  try {
    const [row] = await session.query(
      `SELECT count(*)::int AS n, (array_agg(${example}))[1] AS example FROM ${name(table.name)} t WHERE ${question.condition}`,
    );
    const count = Number(row!.n);
    if (count === 0) return [];
    return [
      {
        ...{ code: question.code, table: table.name, column: question.column, subject: question.subject },
        message: `${count} ${count === 1 ? 'row' : 'rows'} of ${table.name} ${question.are}`,
        rows: { count, example: row!.example as Record<string, string> },
      },
    ];
  } catch (error) {
    // About columns that are not there yet, or by operators that the old types do not have: the copy will tell.
    const unasked = error instanceof ServerError && /^42(703|704|804|883)$/.test(error.sqlState);
    if (!unasked) throw error;
    return [];
  }
}

function made<T>({ added, changed }: PartsChange<T>): T[] {
  return [...added, ...changed.map(({ to }) => to)];
}
