import { createHash } from 'node:crypto';
import { name } from '../../../domain/schema/mysql/quote';
import { helperNames } from './names';
import { text } from './rows';
import type { Session } from './session';

/**
 * What tells whether a table was changed behind the triggers: its definition, its triggers of ours, and its identity in
 * the storage engine, which TRUNCATE and the changes of partitions change. Auto-increment counters are left out.
 */
export async function fingerprint(session: Session, table: string): Promise<string> {
  const [made] = await session.query(`SHOW CREATE TABLE ${name(table)}`);
  const statement = text(made!['Create Table']).replace(/ AUTO_INCREMENT=\d+/, '');
  const triggers = await session.query(
    `SELECT trigger_name AS name, action_statement AS body FROM information_schema.triggers
     WHERE trigger_schema = database() AND event_object_table = ? ORDER BY trigger_name`,
    [table],
  );
  const names = helperNames(table);
  const ours = triggers.filter((row) => text(row.name).startsWith(names.trigger('old', 'i').slice(0, -1)));
  return JSON.stringify([digest(statement), ours.length, await identities(session, table)]);
}

/** Needs PROCESS; without it, only a comparison of all rows tells of a TRUNCATE. */
async function identities(session: Session, table: string): Promise<string> {
  try {
    const rows = await session.query(
      `SELECT GROUP_CONCAT(table_id ORDER BY table_id) AS ids FROM information_schema.innodb_sys_tables
       WHERE name = CONCAT(database(), '/', ?) OR name LIKE CONCAT(database(), '/', ?, '#P#%')`,
      [table, table],
    );
    return text(rows[0]!.ids);
  } catch {
    return 'unknown';
  }
}

function digest(statement: string): string {
  return createHash('sha256').update(statement).digest('hex').slice(0, 32);
}
