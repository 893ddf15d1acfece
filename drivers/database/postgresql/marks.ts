import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/postgresql/quote';
import { TriggerName } from './names';
import { text } from './rows';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import { shadowTable } from './state';

/**
 * What the log's triggers of a table are known by. Somebody who switched them off and on again would have written
 * without being noted, and the rows of the catalog then are new ones.
 */
export async function markOf(session: Session, table: string): Promise<string> {
  const [row] = await session.query(
    `SELECT coalesce(string_agg(oid || ':' || xmin || ':' || tgenabled::text, ' ' ORDER BY tgname), '') AS mark FROM pg_trigger
     WHERE tgrelid = to_regclass($1) AND tgname = ANY ($2)`,
    [name(table), [TriggerName.log, TriggerName.truncate]],
  );
  return text(row!.mark);
}

/** @throws Failure CHANGE_DRIFTED when a table was written to, or may have been, without being noted. */
export async function checkMarks(session: Session, changeId: string, shadows: readonly ShadowTables[]): Promise<void> {
  for (const { n, table } of shadows) {
    const [row] = await session.query(`SELECT triggers FROM ${shadowTable(changeId)} WHERE n = ${n}`);
    if (text(row!.triggers) !== (await markOf(session, table)))
      throw new Failure('CHANGE_DRIFTED', `the triggers of the change on ${table} were altered or are gone`);
  }
}

/** Keeps the marks of triggers that were made in the same transaction; what was proved before is of no use after it. */
export async function keepMarks(session: Session, changeId: string, shadows: readonly ShadowTables[]): Promise<void> {
  for (const { n, table } of shadows)
    await session.execute(`UPDATE ${shadowTable(changeId)} SET triggers = $1, proof = NULL WHERE n = ${n}`, [
      await markOf(session, table),
    ]);
}
