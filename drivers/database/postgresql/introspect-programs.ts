import type { Routine, Trigger, View } from '../../../domain/schema/model';
import { byTable, ownedByExtension, text, type Lookup, quotedSchema } from './rows';
import type { Session } from './session';

/** The users' triggers of all tables of the session's schema, by name. */
export async function triggersOf(session: Session): Promise<Lookup<Trigger>> {
  const rows = await session.query(
    `SELECT t.tgrelid::text AS table_oid, t.tgname AS name, t.tgenabled AS enabled,
       pg_get_triggerdef(t.oid, true) AS definition, coalesce(obj_description(t.oid, 'pg_trigger'), '') AS comment
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal AND t.tgparentid = 0
     ORDER BY t.tgname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    definition: text(row.definition),
    context: null,
    enabled: text(row.enabled),
    comment: text(row.comment),
  }));
}

/** The views of the session's schema, by name. */
export async function viewsOf(session: Session): Promise<readonly View[]> {
  const rows = await session.query(
    `SELECT c.relname AS name, c.relkind = 'm' AS materialized, pg_get_viewdef(c.oid, true) AS query,
       coalesce(c.reloptions, '{}') AS options, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       (SELECT coalesce(json_agg(DISTINCT r.name), '[]') FROM pg_rewrite w, LATERAL (${readBy("'pg_rewrite'::regclass", 'w.oid')}) r
         WHERE w.ev_class = c.oid AND r.oid <> c.oid) AS reads
     FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('v', 'm')
       AND NOT ${ownedByExtension('pg_class', 'c.oid')}
     ORDER BY c.relname COLLATE "C"`,
    [quotedSchema(session)],
  );
  return rows.map((row) => ({
    name: text(row.name),
    materialized: row.materialized === true,
    query: text(row.query).trim().replace(/;$/, ''),
    columns: row.columns as string[],
    options: (row.options as readonly string[]).toSorted(),
    reads: (row.reads as string[]).toSorted(),
    comment: text(row.comment),
  }));
}

/** The functions and procedures of the session's schema, by name and arguments. */
export async function routinesOf(session: Session): Promise<readonly Routine[]> {
  const rows = await session.query(
    `SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, p.prokind = 'p' AS procedure,
       pg_get_functiondef(p.oid) AS definition,
       (SELECT coalesce(json_agg(DISTINCT r.name), '[]') FROM (${readBy("'pg_proc'::regclass", 'p.oid')}) r WHERE r.oid <> p.oid) AS reads,
       coalesce(obj_description(p.oid, 'pg_proc'), '') AS comment
     FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND p.prokind IN ('f', 'p')
       AND NOT ${ownedByExtension('pg_proc', 'p.oid')}
     ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`,
    [quotedSchema(session)],
  );
  const [own] = await session.query('SELECT quote_ident($1) AS schema', [session.schema]);
  return rows.map((row) => {
    const kind = row.procedure === true ? ('procedure' as const) : ('function' as const);
    const head = `CREATE OR REPLACE ${kind.toUpperCase()} `;
    const definition = text(row.definition);
    // The server always prints the schema there; without it the same routine reads the same in another schema.
    const prefix = `${head}${text(own!.schema)}.`;
    return {
      name: text(row.name),
      kind,
      reads: (row.reads as string[]).toSorted(),
      definition: definition.startsWith(prefix) ? `${head}${definition.slice(prefix.length)}` : definition,
      context: null,
      comment: text(row.comment),
    };
  });
}

/** SQL for what something of the session's schema is bound to in it: tables and views, by their row types too, and routines. */
function readBy(catalog: string, oid: string): string {
  const here = 'relnamespace = quote_ident(current_schema())::regnamespace';
  return `SELECT x.oid, x.relname::text AS name FROM pg_depend d
       JOIN pg_class x ON d.refclassid = 'pg_class'::regclass AND x.oid = d.refobjid AND x.${here}
     WHERE d.classid = ${catalog} AND d.objid = ${oid} AND x.relkind IN ('r', 'p', 'v', 'm')
     UNION ALL SELECT x.oid, x.relname FROM pg_depend d JOIN pg_type y ON d.refclassid = 'pg_type'::regclass AND y.oid = d.refobjid
       JOIN pg_class x ON x.reltype IN (y.oid, y.typelem) AND x.${here}
     WHERE d.classid = ${catalog} AND d.objid = ${oid} AND x.relkind IN ('r', 'p', 'v', 'm')
     UNION ALL SELECT x.oid, x.proname || '(' || pg_get_function_identity_arguments(x.oid) || ')' FROM pg_depend d
       JOIN pg_proc x ON d.refclassid = 'pg_proc'::regclass AND x.oid = d.refobjid AND x.pro${here.slice(3)}
     WHERE d.classid = ${catalog} AND d.objid = ${oid}`;
}
