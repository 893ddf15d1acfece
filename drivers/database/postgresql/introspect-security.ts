import type { Policy, RowSecurity } from '../../../domain/schema/model';
import { byTable, type Lookup, quotedSchema } from './rows';
import type { Session } from './session';

/** What rows of the tables of the session's schema may be seen by whom; tables without any of it are left out. */
export async function rowSecurityOf(session: Session): Promise<Lookup<RowSecurity>> {
  const rows = await session.query(
    `SELECT c.oid::text AS table_oid, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       coalesce((SELECT json_agg(json_build_object('name', p.polname, 'permissive', p.polpermissive,
           'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
             WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'roles', CASE WHEN p.polroles = '{0}' THEN '["public"]' ELSE
             (SELECT json_agg(r.rolname ORDER BY r.rolname COLLATE "C") FROM pg_roles r WHERE r.oid = ANY (p.polroles)) END,
           'using', pg_get_expr(p.polqual, p.polrelid, true), 'check', pg_get_expr(p.polwithcheck, p.polrelid, true))
           ORDER BY p.polname COLLATE "C")
         FROM pg_policy p WHERE p.polrelid = c.oid), '[]') AS policies
     FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
       AND (c.relrowsecurity OR c.relforcerowsecurity OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))`,
    [quotedSchema(session)],
  );
  return byTable(rows, (row) => ({
    enabled: row.enabled === true,
    forced: row.forced === true,
    policies: row.policies as Policy[],
  }));
}
