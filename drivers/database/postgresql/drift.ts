import type { SchemaModel, Table } from '../../../domain/schema/model';
import { same } from '../../../domain/schema/table-change';
import { introspect } from './introspect';
import { isAside, isOwnTrigger } from './names';
import { text } from './rows';
import type { Session } from './session';
import { changeOfComment } from './state';
import { name } from '../../../domain/schema/postgresql/quote';

/** A schema without anything of ours. */
export function usersOwn(model: SchemaModel): SchemaModel {
  const hidden = new Set(
    model.tables
      .filter((table) => isAside(table.name) && changeOfComment(table.comment) !== null)
      .map((table) => table.name),
  );
  return {
    ...model,
    tables: model.tables.filter((table) => !hidden.has(table.name)).map(withoutOwn),
    sequences: model.sequences.filter(({ ownedBy }) => ownedBy === null || !hidden.has(ownedBy.table)),
  };
}

function withoutOwn(table: Table): Table {
  return { ...table, triggers: table.triggers.filter((trigger) => !isOwnTrigger(trigger.name)) };
}

/** The names of the live tables that are others than they should be. */
export async function drifted(session: Session, expected: readonly Table[]): Promise<readonly string[]> {
  const { tables } = usersOwn(await introspect(session));
  return expected
    .filter(
      (table) =>
        !same(
          tables.find((found) => found.name === table.name),
          table,
        ),
    )
    .map((table) => table.name);
}

/**
 * What changes with every DDL statement on tables or on what binds to them, in one query: it is asked again while they
 * are locked.
 */
export async function fingerprint(session: Session, tables: readonly string[]): Promise<string> {
  const [row] = await session.query(
    `WITH t AS (SELECT to_regclass(u)::oid AS oid FROM unnest($1::text[]) u)
     SELECT md5(string_agg(x, ' ' ORDER BY x)) AS mark FROM (
       SELECT 'a' || attrelid || ',' || attnum || ',' || xmin AS x FROM pg_attribute, t WHERE attrelid = t.oid AND attnum > 0
       UNION ALL SELECT 'c' || oid || ',' || xmin FROM pg_class WHERE oid IN (SELECT oid FROM t)
       UNION ALL SELECT 'd' || oid || ',' || xmin FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 'k' || oid || ',' || xmin FROM pg_constraint
         WHERE conrelid IN (SELECT oid FROM t) OR confrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 'i' || indexrelid || ',' || xmin FROM pg_index WHERE indrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 't' || oid || ',' || xmin FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM t) AND NOT tgisinternal
       UNION ALL SELECT 'p' || oid || ',' || xmin FROM pg_policy WHERE polrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 's' || oid || ',' || xmin FROM pg_statistic_ext WHERE stxrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 'u' || oid || ',' || xmin FROM pg_publication_rel WHERE prrelid IN (SELECT oid FROM t)
       UNION ALL SELECT 'w' || w.oid || ',' || w.xmin FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
         WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid IN (SELECT oid FROM t)) every`,
    [tables.map(name)],
  );
  return text(row!.mark);
}
