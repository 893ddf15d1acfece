import { Dialect, type Partitioning, type SchemaModel, type Table } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/postgresql/quote';
import { columnsOf } from './introspect-columns';
import { othersOf } from './introspect-others';
import { checksOf, foreignKeysOf, indexesOf, keysOf } from './introspect-keys';
import { routinesOf, triggersOf, viewsOf } from './introspect-programs';
import { rowSecurityOf } from './introspect-security';
import { domainsOf, enumsOf, sequencesOf } from './introspect-types';
import { grouped, ownedByExtension, quotedSchema, text, type Lookup } from './rows';
import type { Row, Session } from './session';

/**
 * Reads the schema that the session is in, in one snapshot.
 * @throws ServerError
 */
export async function introspect(session: Session): Promise<SchemaModel> {
  await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await readModel(session);
  } finally {
    await session.execute('ROLLBACK');
  }
}

async function readModel(session: Session): Promise<SchemaModel> {
  const tables = await session.query(
    `SELECT c.relname AS name, c.oid::text AS oid, c.relkind AS kind, c.relpersistence AS persistence,
       c.relreplident AS identity, (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = c.oid AND i.indisreplident) AS identity_index, coalesce(c.reloptions, '{}') AS storage,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment
     FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND NOT ${ownedByExtension('pg_class', 'c.oid')}
     ORDER BY c.relname COLLATE "C"`,
    [quotedSchema(session)],
  );
  const parts: Parts = {
    columns: await columnsOf(session),
    keys: await keysOf(session),
    indexes: await indexesOf(session),
    foreignKeys: await foreignKeysOf(session),
    checks: await checksOf(session),
    triggers: await triggersOf(session),
    rowSecurity: await rowSecurityOf(session),
    partitioning: await partitioningOf(session),
  };
  return {
    dialect: Dialect.postgresql,
    defaults: null,
    tables: tables.map((row) => tableOf(row, parts)),
    views: await viewsOf(session),
    routines: await routinesOf(session),
    sequences: await sequencesOf(session),
    enums: await enumsOf(session),
    domains: await domainsOf(session),
    others: await othersOf(session),
  };
}

interface Parts {
  readonly columns: Lookup<Table['columns'][number]>;
  readonly keys: Lookup<Table['uniques'][number]>;
  readonly indexes: Lookup<Table['indexes'][number]>;
  readonly foreignKeys: Lookup<Table['foreignKeys'][number]>;
  readonly checks: Lookup<Table['checks'][number]>;
  readonly triggers: Lookup<Table['triggers'][number]>;
  readonly rowSecurity: Lookup<NonNullable<Table['rowSecurity']>>;
  readonly partitioning: Lookup<Partitioning>;
}

function tableOf(row: Row, parts: Parts): Table {
  const oid = text(row.oid);
  const keys = grouped(parts.keys, oid);
  return {
    name: text(row.name),
    columns: grouped(parts.columns, oid),
    primaryKey: keys.find(({ kind }) => kind === 'primary') ?? null,
    indexes: grouped(parts.indexes, oid),
    uniques: keys.filter(({ kind }) => kind !== 'primary'),
    foreignKeys: grouped(parts.foreignKeys, oid),
    checks: grouped(parts.checks, oid),
    triggers: grouped(parts.triggers, oid),
    partitioning: grouped(parts.partitioning, oid)[0] ?? null,
    comment: text(row.comment),
    options: optionsOf(row),
    rowSecurity: grouped(parts.rowSecurity, oid)[0] ?? null,
  };
}

function optionsOf(row: Row): Record<string, string> {
  const identity =
    { d: null, n: 'NOTHING', f: 'FULL', i: `USING INDEX ${name(text(row.identity_index))}` }[text(row.identity)] ??
    null;
  const pairs: (readonly [string, string])[] = [
    ...(row.persistence === 'u' ? [['UNLOGGED', 'true'] as const] : []),
    ...(identity === null ? [] : [['REPLICA IDENTITY', identity] as const]),
    ...(row.storage as readonly string[]).toSorted().map((option) => {
      const at = option.indexOf('=');
      return [option.slice(0, at), option.slice(at + 1)] as const;
    }),
  ];
  return Object.fromEntries(pairs);
}

async function partitioningOf(session: Session): Promise<Lookup<Partitioning>> {
  const rows = await session.query(
    `SELECT p.partrelid::text AS oid, pg_get_partkeydef(p.partrelid) AS definition,
       coalesce((SELECT json_agg(json_build_object('name', c.relname, 'bound', pg_get_expr(c.relpartbound, c.oid))
           ORDER BY c.relname COLLATE "C")
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = p.partrelid), '[]') AS partitions
     FROM pg_partitioned_table p JOIN pg_class t ON t.oid = p.partrelid WHERE t.relnamespace = $1::regnamespace`,
    [quotedSchema(session)],
  );
  return new Map(
    rows.map((row) => [
      text(row.oid),
      [{ definition: text(row.definition), partitions: row.partitions as Partitioning['partitions'] }],
    ]),
  );
}
