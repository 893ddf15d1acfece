import { execFileSync } from 'node:child_process';
import { rows } from './postgres-plan';

/** Everything that the server would write of a database to make it again, to the byte. */
export function dumped(url: string): string {
  const dump = execFileSync('/usr/lib/postgresql/15/bin/pg_dump', ['--schema-only', url], { encoding: 'utf8' });
  // A seal that is another one every time.
  return dump.replace(/^\\(un)?restrict .*$/gm, '');
}

/** Everything that a table has beside what a schema's model tells, one line for each thing. */
export async function boundTo(url: string, schema: string, table: string): Promise<string[]> {
  const found = await rows(
    url,
    schema,
    `WITH t AS (SELECT c.* FROM pg_class c WHERE c.oid = '${table}'::regclass)
     SELECT 'owner ' || relowner::regrole AS line FROM t
     UNION ALL SELECT 'grants ' || g.grantee::regrole || g.privilege_type || g.is_grantable FROM t, aclexplode(relacl) g
     UNION ALL SELECT 'column grant ' || attname || g.grantee::regrole || g.privilege_type || g.is_grantable
       FROM t JOIN pg_attribute a ON attrelid = t.oid, aclexplode(attacl) g
     UNION ALL SELECT 'option ' || unnest(reloptions) FROM t
     UNION ALL SELECT 'toast ' || coalesce(x.reloptions::text, '-') FROM t JOIN pg_class x ON x.oid = t.reltoastrelid
     UNION ALL SELECT 'identity of rows ' || relreplident::text FROM t
     UNION ALL SELECT 'security ' || relrowsecurity || relforcerowsecurity FROM t
     UNION ALL SELECT 'policy ' || polname || coalesce(pg_get_expr(polqual, polrelid), '') FROM t JOIN pg_policy ON polrelid = t.oid
     UNION ALL SELECT 'comment ' || coalesce(obj_description(oid, 'pg_class'), '-') FROM t
     UNION ALL SELECT 'column comment ' || col_description(attrelid, attnum) FROM t JOIN pg_attribute ON attrelid = t.oid
     UNION ALL SELECT 'constraint ' || conname || pg_get_constraintdef(k.oid) || convalidated ||
         coalesce(obj_description(k.oid, 'pg_constraint'), '') FROM t JOIN pg_constraint k ON conrelid = t.oid WHERE contype <> 't'
     UNION ALL SELECT 'referred to by ' || conrelid::regclass || conname || pg_get_constraintdef(k.oid) || convalidated
       FROM t JOIN pg_constraint k ON confrelid = t.oid
     UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || indisclustered || indisreplident ||
         coalesce(obj_description(indexrelid, 'pg_class'), '') FROM t JOIN pg_index ON indrelid = t.oid
     UNION ALL SELECT 'trigger ' || tgname || tgenabled::text || coalesce(obj_description(g.oid, 'pg_trigger'), '') || pg_get_triggerdef(g.oid)
       FROM t JOIN pg_trigger g ON tgrelid = t.oid WHERE NOT tgisinternal AND tgname NOT LIKE '!gw%'
     UNION ALL SELECT 'statistics ' || pg_get_statisticsobjdef(s.oid) || stxstattarget FROM t JOIN pg_statistic_ext s ON stxrelid = t.oid
     UNION ALL SELECT 'column ' || attname || attstattarget || coalesce(attoptions::text, '') || attstorage::text || attcompression::text ||
         attcollation || attidentity::text || attgenerated::text || attnotnull || format_type(atttypid, atttypmod)
       FROM t JOIN pg_attribute ON attrelid = t.oid WHERE attnum > 0 AND NOT attisdropped
     UNION ALL SELECT 'default ' || pg_get_expr(adbin, adrelid) FROM t JOIN pg_attrdef ON adrelid = t.oid
     UNION ALL SELECT 'sequence ' || d.objid::regclass || d.deptype::text || a.attname || seqstart || seqincrement || seqcache
       FROM t JOIN pg_depend d ON refobjid = t.oid JOIN pg_sequence q ON seqrelid = d.objid
       JOIN pg_attribute a ON attrelid = t.oid AND attnum = refobjsubid
     UNION ALL SELECT 'sequence grant ' || s.relname || g.grantee::regrole || g.privilege_type FROM t JOIN pg_depend d ON refobjid = t.oid
       JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S', aclexplode(s.relacl) g
     UNION ALL SELECT 'published in ' || pubname || coalesce(pg_get_expr(prqual, prrelid), '') ||
         (SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = t.oid AND attnum = ANY (prattrs))
       FROM t JOIN pg_publication_rel r ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
     UNION ALL SELECT 'read by ' || w.ev_class::regclass || ' ' || pg_get_viewdef(w.ev_class) || coalesce(v.relacl::text, '') ||
         coalesce(v.reloptions::text, '') FROM t JOIN pg_depend d ON d.refobjid = t.oid JOIN pg_rewrite w ON w.oid = d.objid
       JOIN pg_class v ON v.oid = w.ev_class WHERE d.classid = 'pg_rewrite'::regclass`,
  );
  return [...new Set(found.map(({ line }) => String(line)))].sort();
}
