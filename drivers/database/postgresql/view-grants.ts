import { name } from '../../../domain/schema/postgresql/quote';
import { text } from './rows';
import type { Session } from './session';

/** Statements that give views, once they were made again, the owners and rights that they have now. */
export async function viewGrantsOf(session: Session, views: readonly string[]): Promise<string[]> {
  const grantee = `CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END`;
  const option = `CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END`;
  const rows = await session.query(
    `WITH v AS (SELECT c.oid, quote_ident(c.relname) AS view, c.relowner, c.relacl FROM unnest($1::text[]) u
       JOIN pg_class c ON c.oid = to_regclass(u) AND c.relkind = 'v')
     SELECT 1 AS n, 'ALTER VIEW ' || view || ' OWNER TO ' || quote_ident(pg_get_userbyid(relowner)) AS statement FROM v
     UNION ALL SELECT 2, 'GRANT ' || g.privilege_type || ' ON TABLE ' || view || ' TO ' || ${grantee} || ${option}
     FROM v, aclexplode(v.relacl) g
     UNION ALL SELECT 3, 'GRANT ' || g.privilege_type || ' (' || quote_ident(a.attname) || ') ON ' || view || ' TO ' ||
       ${grantee} || ${option}
     FROM v JOIN pg_attribute a ON a.attrelid = v.oid, aclexplode(a.attacl) g ORDER BY 1, 2`,
    [views.map(name)],
  );
  return rows.map((row) => text(row.statement));
}
