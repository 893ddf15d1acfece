import { name } from '../../../domain/schema/mysql/quote';
import { helperNames } from './names';
import type { Session } from './session';

/**
 * Tries something on a table of ours that stands for another, which whoever tries has to make. It is always removed, and
 * one that is left by a process that died is removed by whoever comes next.
 */
export async function onTrial<T>(session: Session, table: string, action: () => Promise<T>): Promise<T> {
  const { trial } = helperNames(table);
  // Whoever else tries something for this table waits: there is but one name.
  const lock = "CONCAT('gatewright ', LEFT(SHA2(CONCAT(database(), ' ', ?), 256), 40))";
  await session.query(`SELECT GET_LOCK(${lock}, 30)`, [trial]);
  try {
    await session.execute(`DROP TABLE IF EXISTS ${name(trial)}`);
    return await action();
  } finally {
    await session.execute(`DROP TABLE IF EXISTS ${name(trial)}`);
    await session.query(`SELECT RELEASE_LOCK(${lock})`, [trial]);
  }
}
