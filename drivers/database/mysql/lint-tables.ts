import { Failure } from '../../../domain/failures';
import type { LintCode, LintMessage } from '../../../domain/schema/lint-codes';
import { columnOf, tableOf, type ForeignKey, type SchemaModel, type Table } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
import { checkCascades } from './cascades';
import { helperNames } from './names';
import { text } from './rows';
import type { Session } from './session';
import { commentOf } from './state';

/** What cannot be changed as the schemas alone tell, on this kind of server. */
export function lintTables(change: PlannedChange): LintMessage[] {
  const shadowed = change.operations.flatMap(({ shadow }) => (shadow === null ? [] : [shadow]));
  return [
    ...shadowed.flatMap(({ from, to }) => ofKinds(from, to)),
    ...cascades(change),
    ...change.to.tables.flatMap((table) => table.foreignKeys.flatMap((key) => ofForeignKey(change, table, key))),
    ...shadowed.flatMap(({ from, to }) => [...ofViews(change, from, to), ...ofTriggers(from, to)]),
    ...change.operations
      .filter(({ object, kind }) => object === 'table' && kind === 'DROP')
      .flatMap(({ name: table }) => readers(change.to, table).map((view) => inTheWay(view, table, `reads ${table}`))),
  ];
}

function ofKinds(from: Table, to: Table): LintMessage[] {
  const own = from.name;
  const engine = from.options.ENGINE ?? '';
  return [
    ...(engine.toLowerCase() === 'innodb'
      ? []
      : [message('UNSUPPORTED_ENGINE', own, null, engine, `table ${own} is of ${engine}`)]),
    // Its history would not be copied, or would begin with the copy.
    ...((from.options.WITH ?? to.options.WITH) === undefined
      ? []
      : [
          message(
            'UNSUPPORTED_TABLE',
            own,
            null,
            null,
            `table ${own} keeps the history of its rows (system versioning)`,
          ),
        ]),
  ];
}

function cascades(change: PlannedChange): LintMessage[] {
  try {
    checkCascades(change);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [message('FOREIGN_KEY_CASCADES', null, null, null, error.message)];
  }
}

/** Foreign keys are made while everybody waits, and must not be refused then. */
function ofForeignKey({ from, to }: PlannedChange, table: Table, key: ForeignKey): LintMessage[] {
  const { schema, table: other, columns } = key.references;
  const parent = schema === null ? tableOf(to, other) : null;
  const touched = (own: string): boolean => JSON.stringify(tableOf(from, own)) !== JSON.stringify(tableOf(to, own));
  if (parent === null || !(touched(table.name) || touched(other))) return [];
  const say = (code: LintCode, column: string | null, sentence: string): LintMessage =>
    message(code, table.name, column, key.name, sentence);
  const keys = [...(parent.primaryKey ? [parent.primaryKey] : []), ...parent.indexes];
  const leads = keys.some(({ parts }) =>
    columns.every((column, i) => parts[i]?.column === column && parts[i].prefix === null),
  );
  const acts = [key.onDelete, key.onUpdate];
  const own = key.columns.flatMap((column) => columnOf(table, column) ?? []);
  return [
    ...(leads
      ? []
      : [
          say(
            'FOREIGN_KEY_TARGET',
            null,
            `no key of ${other} begins with ${columns.join(', ')}, as ${key.name} of ${table.name} needs`,
          ),
        ]),
    ...own
      .filter(({ generated }) => generated !== null)
      .map((column) =>
        say('FOREIGN_KEY_TYPE', column.name, `${key.name} is of ${table.name}.${column.name}, which is generated`),
      ),
    ...own
      .filter(({ nullable }) => !nullable && acts.includes('SET NULL'))
      .map((column) =>
        say(
          'FOREIGN_KEY_TYPE',
          column.name,
          `${key.name} sets ${table.name}.${column.name} to NULL, which it must not be`,
        ),
      ),
  ];
}

/** Views mean columns by their names, and break without a word when those go. */
function ofViews({ to: model, renames }: PlannedChange, from: Table, to: Table): LintMessage[] {
  const gone = from.columns.filter(({ name: own }) => columnOf(to, own) === null).map((column) => column.name);
  const renamed = renames.filter(({ table }) => table === from.name).map((rename) => rename.from);
  return readers(model, from.name).flatMap((view) => {
    const { query } = model.views.find((each) => each.name === view)!;
    const missing = [...new Set([...gone, ...renamed])].filter((column) => mentions(query, from.name, column));
    return missing.length > 0 ? [inTheWay(view, from.name, `reads ${from.name}.${missing.join(', ')}`)] : [];
  });
}

function readers({ views }: SchemaModel, table: string): string[] {
  // Of what is not there any more the query alone tells.
  return views.filter(({ query }) => query.includes(name(table))).map((view) => view.name);
}

/** The server prints every column with the table's name, or the name that the table goes by in the query. */
function mentions(query: string, table: string, column: string): boolean {
  const quoted = name(table).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const aliases = [...query.matchAll(new RegExp(`${quoted} (\`(?:[^\`]|\`\`)+\`)`, 'g'))].map(([, alias]) => alias!);
  return [name(table), ...aliases].some((alias) => query.includes(`${alias}.${name(column)}`));
}

function inTheWay(view: string, table: string, does: string): LintMessage {
  return message('VIEW_IN_THE_WAY', table, null, view, `view ${view} ${does}, which would not be there any more`);
}

/** A trigger that means a column which goes would make every write fail. */
function ofTriggers(from: Table, to: Table): LintMessage[] {
  const gone = from.columns.filter(({ name: own }) => columnOf(to, own) === null);
  return to.triggers.flatMap(({ name: own, definition }) => {
    const missing = gone.filter((column) => {
      const bare = column.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return new RegExp(`\\b(NEW|OLD)\\s*\\.\\s*(\`${bare}\`|${bare}(?![\\w$]))`, 'i').test(definition);
    });
    return missing.map((column) =>
      message(
        'TRIGGER_IN_THE_WAY',
        from.name,
        column.name,
        own,
        `trigger ${own} means ${from.name}.${column.name}, which would not be there any more`,
      ),
    );
  });
}

/** Changes that have one of the tables, or one that a foreign key binds to one of them. */
export async function lintClaims(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const tables = change.operations.filter(({ object }) => object === 'table').map((operation) => operation.name);
  const bound = [change.from, change.to].flatMap((model) =>
    model.tables.flatMap(({ name: own, foreignKeys }) =>
      foreignKeys.flatMap(({ references }) => {
        if (tables.includes(own)) return [references.table];
        return tables.includes(references.table) ? [own] : [];
      }),
    ),
  );
  const messages: LintMessage[] = [];
  for (const table of new Set([...tables, ...bound])) {
    const [row] = await session.query(
      `SELECT table_comment AS comment FROM information_schema.tables
       WHERE table_schema = database() AND table_name = ? AND table_comment LIKE 'gatewright change %'`,
      [helperNames(table).log],
    );
    if (row === undefined || text(row.comment) === commentOf(change)) continue;
    const other = text(row.comment).replace(/^gatewright change /, '');
    const why = tables.includes(table)
      ? `has table ${table}`
      : `has table ${table}, which a foreign key binds to one of this`;
    messages.push(message('CHANGE_IN_PROGRESS', table, null, other, `change ${other} ${why}`));
  }
  return messages;
}

function message(
  code: LintCode,
  table: string | null,
  column: string | null,
  subject: string | null,
  sentence: string,
): LintMessage {
  return { code, table, column, subject, message: sentence, rows: null };
}
