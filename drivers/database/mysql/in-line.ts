import { setTimeout as sleep } from 'node:timers/promises';
import { Errno, isPassing } from './engine-session';
import { ServerError, type Session } from './session';

/** A statement that is on its way. */
export interface Settled {
  /** Whether it succeeded; what may work another time is no error. */
  readonly outcome: Promise<boolean>;
  readonly isSettled: () => boolean;
}

/** Follows a statement. */
export function settled(statement: Promise<unknown>): Settled {
  let over = false;
  const outcome = statement.then(
    () => true,
    (error: unknown) => {
      if (isPassing(error)) return false;
      throw error;
    },
  );
  const end = (): void => void (over = true);
  outcome.then(end, end);
  return { outcome, isSettled: () => over };
}

/** Follows a statement that has to fail, because what it would make is there. */
export function failing(statement: Promise<unknown>): Settled {
  return settled(
    statement.catch((error: unknown) => {
      if (!(error instanceof ServerError) || error.errno !== Errno.tableExists) throw error;
    }),
  );
}

/** Waits until a statement stands in line for its locks; whoever comes later stands behind it. */
export async function untilQueued(watcher: Session, session: Session, { outcome, isSettled }: Settled): Promise<void> {
  while (!isSettled()) {
    const rows = await watcher.query(
      "SELECT 1 FROM information_schema.processlist WHERE id = ? AND state LIKE 'Waiting for table metadata lock%'",
      [session.id],
    );
    if (rows.length > 0) return;
    await sleep(1);
  }
  await outcome;
}
