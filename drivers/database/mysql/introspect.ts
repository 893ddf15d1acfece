import { Dialect, type SchemaModel, type Table } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import { checksOf } from './introspect-checks';
import { columnsOf } from './introspect-columns';
import { foreignKeysOf, keysOf } from './introspect-keys';
import { eventsOf, routinesOf, sequencesOf, triggersOf, viewsOf } from './introspect-programs';
import { grouped, text, type Lookup } from './rows';
import type { Row, Session } from './session';

/**
 * Reads the schema that the session is in. Everything comes from one moment as far as the server can tell: another
 * session's DDL between two reads shows as a table without columns, and the whole is read again.
 * @throws ServerError
 */
export async function introspect(session: Session): Promise<SchemaModel> {
  const dialect = await dialectOf(session);
  for (let attempt = 1; ; attempt++) {
    const before = await fingerprint(session);
    const model = await read(session, dialect);
    if (attempt >= 5 || (await fingerprint(session)) === before) return model;
  }
}

/** The kind of server that a session is on. */
export async function dialectOf(session: Session): Promise<'mariadb' | 'mysql'> {
  const [row] = await session.query('SELECT version() AS version');
  return text(row!.version).includes('MariaDB') ? Dialect.mariadb : Dialect.mysql;
}

async function read(session: Session, dialect: 'mariadb' | 'mysql'): Promise<SchemaModel> {
  const [defaults] = await session.query(
    `SELECT default_character_set_name AS charset, default_collation_name AS collation
     FROM information_schema.schemata WHERE schema_name = database()`,
  );
  const tables = await session.query(
    `SELECT table_name AS name, engine AS engine, table_collation AS collation, table_type AS kind, create_options AS options, table_comment AS comment
     FROM information_schema.tables WHERE table_schema = database() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
     ORDER BY CAST(table_name AS BINARY)`,
  );
  const [columns, keys, foreignKeys, checks, triggers] = [
    await columnsOf(session, dialect, new Map(tables.map((row) => [text(row.name), text(row.collation)]))),
    await keysOf(session, dialect),
    await foreignKeysOf(session),
    await checksOf(session, dialect),
    await triggersOf(session),
  ];
  const parts = { columns, keys, foreignKeys, checks, triggers };
  return {
    dialect,
    defaults: { charset: text(defaults!.charset), collation: text(defaults!.collation) },
    tables: await Promise.all(tables.map(async (row) => await tableOf(session, row, parts))),
    views: await viewsOf(session),
    routines: await routinesOf(session),
    sequences: dialect === Dialect.mariadb ? await sequencesOf(session) : [],
    enums: [],
    domains: [],
    others: await eventsOf(session),
  };
}

interface Parts {
  readonly columns: Lookup<Table['columns'][number]>;
  readonly keys: Lookup<Table['indexes'][number] | NonNullable<Table['primaryKey']>>;
  readonly foreignKeys: Lookup<Table['foreignKeys'][number]>;
  readonly checks: Lookup<Table['checks'][number]>;
  readonly triggers: Lookup<Table['triggers'][number]>;
}

async function tableOf(session: Session, row: Row, parts: Parts): Promise<Table> {
  const own = text(row.name);
  const keys = grouped(parts.keys, own);
  return {
    name: own,
    columns: grouped(parts.columns, own),
    primaryKey: keys.flatMap((key) => ('kind' in key ? [key] : []))[0] ?? null,
    indexes: keys.flatMap((key) => ('kind' in key ? [] : [key])),
    uniques: [],
    foreignKeys: grouped(parts.foreignKeys, own),
    checks: grouped(parts.checks, own),
    triggers: grouped(parts.triggers, own),
    ...(await partitioningOf(session, own, text(row.options))),
    comment: text(row.comment),
    options: optionsOf(row),
    rowSecurity: null,
  };
}

/** `row_format=DYNAMIC stats_persistent=1 partitioned` and what stands in columns of its own. */
function optionsOf(row: Row): Record<string, string> {
  const collation = text(row.collation);
  const pairs = [...text(row.options).matchAll(/(\w+)=('(?:[^']|'')*'|`(?:[^`]|``)*`|"[^"]*"|\S+)/g)]
    .filter(([, key]) => key !== 'partitioned')
    .map(([, key, value]) => [key!.toUpperCase(), value!] as const);
  return Object.fromEntries([
    ['ENGINE', text(row.engine)],
    ['CHARSET', collation.split('_')[0]!],
    ['COLLATE', collation],
    ...(text(row.kind) === 'SYSTEM VERSIONED' ? [['WITH', 'SYSTEM VERSIONING'] as const] : []),
    ...pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

async function partitioningOf(session: Session, table: string, options: string): Promise<Pick<Table, 'partitioning'>> {
  if (!/\bpartitioned\b/.test(options)) return { partitioning: null };
  const [row] = await session.query(`SHOW CREATE TABLE ${name(table)}`);
  const statement = text(row!['Create Table']);
  // The server prints it last, on a line of its own, MySQL in a versioned comment.
  const definition = /\n(?:\/\*!\d+ )?\s*PARTITION BY ([\s\S]*?)(?:\s*\*\/)?$/.exec(statement)?.[1];
  const partitions = await session.query(
    `SELECT DISTINCT partition_name AS name, partition_description AS bound, partition_ordinal_position AS position
     FROM information_schema.partitions WHERE table_schema = database() AND table_name = ? AND partition_name IS NOT NULL
     ORDER BY position`,
    [table],
  );
  return {
    partitioning: {
      definition: definition ?? '',
      partitions: partitions.map((each) => ({ name: text(each.name), bound: text(each.bound) })),
    },
  };
}

/** Changes when a table is made, altered, renamed or dropped. */
async function fingerprint(session: Session): Promise<string> {
  const [row] = await session.query(
    `SELECT count(*) AS n, coalesce(max(create_time), '') AS latest,
       coalesce(sum(crc32(concat(table_name, coalesce(create_time, '')))), 0) AS sum
     FROM information_schema.tables WHERE table_schema = database()`,
  );
  return JSON.stringify(row);
}
