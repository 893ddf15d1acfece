import { setTimeout as sleep } from 'node:timers/promises';
import { engineMode } from '../../../domain/schema/mysql/ddl';
import { openSession, ServerError, type Session } from './session';

/**
 * Opens a session that works on the tables of a change. READ COMMITTED, so that reading users' rows locks none of them;
 * triggers are silent for it; nothing waits long for a lock, because users would wait behind it.
 */
export async function openEngineSession(url: string): Promise<Session> {
  const session = await openSession(url);
  const settings = [
    'SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    `sql_mode = '${engineMode}'`,
    'foreign_key_checks = 0',
    'innodb_lock_wait_timeout = 3',
    'lock_wait_timeout = 1',
    `${SILENT} = 1`,
    'autocommit = 0',
  ];
  for (const setting of settings) await session.execute(`SET ${setting}`);
  return session;
}

/** Milliseconds that such a statement may have in the end. */
const LONGEST_ATTEMPT_MS = 1_000;

/** The session variable that keeps triggers silent for the engine's own writes. */
export const SILENT = '@gatewright_engine';

/** Server errors by their numbers. */
export const Errno = {
  lockWaitTimeout: 1205,
  deadlock: 1213,
  duplicateKey: 1062,
  tableExists: 1050,
  noSuchTable: 1146,
  noSuchTrigger: 1360,
  triggerExists: 1359,
  tableChanged: 1412,
  interrupted: 1317,
  outOfTime: 1969,
} as const;

/** Milliseconds that a statement waits for a table of users: everybody who comes meanwhile waits behind it. */
const LOCK_ATTEMPT_MS = 80;

/** Whether the same may work a moment later. */
export function isPassing(error: unknown): boolean {
  const { lockWaitTimeout, deadlock, tableChanged, interrupted, outOfTime } = Errno;
  const passing: readonly number[] = [lockWaitTimeout, deadlock, tableChanged, interrupted, outOfTime];
  return error instanceof ServerError && !error.fatal && passing.includes(error.errno);
}

/** Runs a transaction until nothing that passes is in its way. */
export async function transaction<T>(session: Session, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await action();
      await session.execute('COMMIT');
      return result;
    } catch (error) {
      if (error instanceof ServerError && error.fatal) throw error;
      await session.execute('ROLLBACK');
      if (!isPassing(error) || attempt >= 50) throw error;
      await sleep(Math.random() * 20);
    }
  }
}

/** Runs a statement that is given up after a time, because others wait behind it. */
export async function briefly(session: Session, statement: string, ms = LOCK_ATTEMPT_MS): Promise<number> {
  return await session.executeWithin(ms, statement);
}

/**
 * Runs a statement that needs a table for itself, in short attempts that hold nobody up for long.
 * @param ms of an attempt; 0 for tables of ours, behind which nobody waits.
 */
export async function patiently(
  session: Session,
  statement: string,
  signal: AbortSignal,
  ms = LOCK_ATTEMPT_MS,
): Promise<void> {
  // What is slow by itself would never be done in the time of a first attempt.
  for (let allowed = ms; ; allowed = Math.min(allowed * 1.3, LONGEST_ATTEMPT_MS)) {
    signal.throwIfAborted();
    try {
      await briefly(session, statement, allowed);
      return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      // Those who waited behind the attempt go first.
      await sleep(50 + Math.random() * 200, undefined, { signal });
    }
  }
}
