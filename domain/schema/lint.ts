import { FlagKind, type Operation, type Rename, type SchemaChange } from './change';
import { sharedKey } from './key';
import type { LintCode, LintMessage } from './lint-codes';
import { columnOf, tableOf, type Dialect, type ForeignKey, type SchemaModel, type Table } from './model';
import { Way, type PlannedOperation } from './plan';
import { same } from './table-change';

/** What the owner of a database allows. */
export interface LintPolicy {
  readonly allowForeignKeys: boolean;
  /** Bytes that the server's disk has left, where somebody knows; PostgreSQL tells it to no account. */
  readonly freeDiskBytes?: number;
}

/**
 * Bytes that a copy of tables takes for a while: as much as they do with their indexes, and that once more in the logs of
 * the change and of the server.
 */
export function bytesToCopy(tableBytes: number): number {
  return tableBytes * 2;
}

/**
 * Everything that two schemas tell by themselves: what cannot be made, and what somebody should know. What only the rows
 * tell, or the server, is asked of it elsewhere.
 */
export function lintSchemas(
  change: SchemaChange,
  operations: readonly (Operation & Partial<Pick<PlannedOperation, 'way'>>)[],
  policy: LintPolicy,
): LintMessage[] {
  const { from, to, renames } = change;
  const stay = operations.filter(({ way }) => way === Way.instant).map(({ name }) => name);
  const changed = to.tables.filter((table) => !same(tableOf(from, table.name), table));
  return [
    ...changed.flatMap((table) => lintTable(to, table, policy)),
    ...changed.filter(({ name }) => !stay.includes(name)).flatMap((table) => lintKey(from, table, renames)),
    ...[...to.views, ...to.sequences, ...to.enums, ...to.domains].flatMap(({ name }) =>
      lintName(to.dialect, name, { table: null, column: null, subject: name }),
    ),
    ...to.others
      .filter((each) => !from.others.includes(each))
      .map((each) =>
        message(
          'UNSUPPORTED_OBJECT',
          { table: null, column: null, subject: each },
          `${each} is not made by any change`,
        ),
      ),
    ...operations.flatMap(flagged),
  ];
}

function lintTable(model: SchemaModel, table: Table, policy: LintPolicy): LintMessage[] {
  return [
    ...lintNames(model.dialect, table),
    ...(model.dialect === 'postgresql' ? [] : [...lintCharsets(table), ...lintEngine(table)]),
    ...table.foreignKeys.flatMap((key) => lintForeignKey(model, table, key, policy)),
  ];
}

/** Longest names: of MySQL and MariaDB in characters, of PostgreSQL in bytes. */
const LONGEST = { mysql: 64, postgresql: 63 } as const;

function lintNames(dialect: Dialect, table: Table): LintMessage[] {
  const keys = [...table.indexes, ...table.uniques, ...table.foreignKeys, ...table.checks, ...table.triggers];
  return [
    ...lintName(dialect, table.name, { table: table.name, column: null, subject: null }),
    ...table.columns.flatMap(({ name }) => lintName(dialect, name, { table: table.name, column: name, subject: null })),
    ...keys.flatMap(({ name }) => lintName(dialect, name, { table: table.name, column: null, subject: name })),
  ];
}

type Where = Pick<LintMessage, 'table' | 'column' | 'subject'>;

function lintName(dialect: Dialect, name: string, where: Where): LintMessage[] {
  const length = dialect === 'postgresql' ? utf8Length(name) : [...name].length;
  const longest = dialect === 'postgresql' ? LONGEST.postgresql : LONGEST.mysql;
  const unit = dialect === 'postgresql' ? 'bytes' : 'characters';
  return [
    ...(length > longest
      ? [message('IDENTIFIER_TOO_LONG', where, `the name ${name} has ${length} ${unit}; ${longest} are allowed`)]
      : []),
    // MySQL stores names in three bytes a character, and takes none that ends with a space.
    ...(/\0/.test(name) || (dialect !== 'postgresql' && (/[\u{10000}-\u{10ffff}]/u.test(name) || name.endsWith(' ')))
      ? [
          message(
            'IDENTIFIER_CHARACTERS',
            where,
            `the name ${JSON.stringify(name)} has characters that are not allowed`,
          ),
        ]
      : []),
  ];
}

function utf8Length(text: string): number {
  return [...text].reduce((sum, character) => {
    const point = character.codePointAt(0)!;
    return sum + (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);
  }, 0);
}

const charsets = ['utf8mb4', 'utf8mb3', 'utf8', 'latin1', 'ascii', 'binary'];

function lintCharsets(table: Table): LintMessage[] {
  const where = { table: table.name, column: null, subject: null };
  const own = table.options.CHARSET;
  return [
    ...(own !== undefined && !charsets.includes(own)
      ? [message('UNSUPPORTED_CHARSET', where, `table ${table.name} has the character set ${own}`)]
      : []),
    ...table.columns
      .filter(({ charset }) => charset !== null && !charsets.includes(charset))
      .map(({ name, charset }) =>
        message(
          'UNSUPPORTED_CHARSET',
          { ...where, column: name },
          `${table.name}.${name} has the character set ${charset!}`,
        ),
      ),
  ];
}

function lintEngine({ name, options }: Table): LintMessage[] {
  const engine = options.ENGINE ?? '';
  if (engine.toLowerCase() === 'innodb') return [];
  return [
    message('UNSUPPORTED_ENGINE', { table: name, column: null, subject: engine }, `table ${name} is of ${engine}`),
  ];
}

/** Rows are copied, logged and compared by a key that both sides have. */
function lintKey(from: SchemaModel, to: Table, renames: readonly Rename[]): LintMessage[] {
  const old = tableOf(from, to.name);
  if (old === null) return [];
  const key = sharedKey({ dialect: from.dialect, from: old, to, renames });
  return 'missing' in key
    ? [message('NO_UNIQUE_KEY', { table: to.name, column: null, subject: null }, key.missing)]
    : [];
}

function lintForeignKey(model: SchemaModel, table: Table, key: ForeignKey, policy: LintPolicy): LintMessage[] {
  const where = { table: table.name, column: key.columns[0] ?? null, subject: key.name };
  if (!policy.allowForeignKeys)
    return [message('FOREIGN_KEY_FORBIDDEN', where, `${table.name} has the foreign key ${key.name}`)];
  const { schema, table: name, columns } = key.references;
  if (schema !== null)
    return [message('FOREIGN_KEY_TARGET', where, `${key.name} refers to ${schema}.${name} in another schema`)];
  const other = tableOf(model, name);
  if (other === null)
    return [message('FOREIGN_KEY_TARGET', where, `${key.name} refers to ${name}, which is not there`)];
  const missing = columns.filter((column) => columnOf(other, column) === null);
  if (missing.length > 0)
    return [
      message('FOREIGN_KEY_TARGET', where, `${key.name} refers to ${name}.${missing.join(', ')}, which is not there`),
    ];
  return key.columns.flatMap((column, i) => {
    const [own, target] = [columnOf(table, column), columnOf(other, columns[i]!)!];
    return own === null || own.type === target.type || model.dialect === 'postgresql'
      ? []
      : [
          message(
            'FOREIGN_KEY_TYPE',
            { ...where, column },
            `${table.name}.${column} is ${own.type}, and ${name}.${target.name}, to which it refers, ${target.type}`,
          ),
        ];
  });
}

/** What a difference tells by itself; what the rows must prove comes from the server. */
function flagged({ name, flags }: Operation): LintMessage[] {
  return flags.flatMap(({ kind, subject, message: text }) => {
    const where = { table: name, column: subject, subject: null };
    if (kind === FlagKind.dropsData) return [message('DROPS_DATA', where, text)];
    return kind === FlagKind.maybeRename ? [message('MAYBE_RENAME', where, text)] : [];
  });
}

function message(code: LintCode, where: Where, text: string): LintMessage {
  return { code, ...where, message: text, rows: null };
}
