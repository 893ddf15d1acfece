import type { Leftover } from '../engine';
import { OWN_SCHEMA, TriggerName } from './names';
import { nullable, text } from './rows';
import type { Session } from './session';
import { changeOfComment } from './state';

/** Everything of ours in the session's schema and in our own, by what it is called and says of itself. */
export async function leftoversIn(session: Session): Promise<readonly Leftover[]> {
  const rows = await session.query(
    `SELECT 'table' AS kind, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment, true AS holds_rows
     FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p')
       AND obj_description(c.oid, 'pg_class') LIKE 'gatewright change %'
     UNION ALL SELECT 'trigger', c.relname || '.' || t.tgname, NULL, false FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = $1::regnamespace WHERE t.tgname = ANY ($2)
     UNION ALL SELECT 'table', $3 || '.' || c.relname, NULL, false FROM pg_class c JOIN pg_namespace n
       ON n.oid = c.relnamespace AND n.nspname = $3 WHERE c.relkind = 'r'
     UNION ALL SELECT 'function', $3 || '.' || p.proname, NULL, false FROM pg_proc p JOIN pg_namespace n
       ON n.oid = p.pronamespace AND n.nspname = $3
     UNION ALL SELECT 'schema', nspname, NULL, false FROM pg_namespace WHERE nspname = $3 ORDER BY 1, 2`,
    [`"${session.schema.replaceAll('"', '""')}"`, Object.values(TriggerName), OWN_SCHEMA],
  );
  const changes = await changeIds(session);
  return rows.map((row) => ({
    kind: text(row.kind) as Leftover['kind'],
    name: text(row.name),
    changeId: changeOfComment(text(row.comment)) ?? changes.find((id) => named(text(row.name), id)) ?? null,
    // The side that is put aside may be the only one with a user's values.
    holdsRows: row.holds_rows === true,
  }));
}

function named(relation: string, changeId: string): boolean {
  return ['change', 'shadows', 'probe', 'log', 'refused', 'note', 'fence', 'block'].some(
    (kind) =>
      relation === `${OWN_SCHEMA}.${kind}_${changeId}` || relation.startsWith(`${OWN_SCHEMA}.${kind}_${changeId}_`),
  );
}

/** The changes that have a claim; the longest names first. */
async function changeIds(session: Session): Promise<readonly string[]> {
  const [there] = await session.query(`SELECT to_regclass($1) IS NOT NULL AS there`, [`${OWN_SCHEMA}.claims`]);
  if (there!.there !== true) return [];
  const rows = await session.query(
    `SELECT DISTINCT change_id, length(change_id) FROM ${OWN_SCHEMA}.claims ORDER BY 2 DESC`,
  );
  return rows.flatMap((row) => nullable(row.change_id) ?? []);
}
