import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { openSession, ServerError, type Session } from './session';

/**
 * Opens a session that works on the tables of a change: it may write to the side that is put aside, waits for no lock for
 * long, because users would wait behind it, and sees to it itself that whatever must reach the disk does.
 * @throws Failure DATABASE_UNREACHABLE
 */
export async function openEngineSession(url: string, schema: string): Promise<Session> {
  const session = await openSession(url, schema);
  const settings = [
    "gatewright.applier = 'on'",
    "lock_timeout = '1s'",
    'statement_timeout = 0',
    'idle_in_transaction_session_timeout = 0',
    "default_transaction_isolation = 'read committed'",
    'client_min_messages = error',
    'jit = off',
    // A chunk that is lost in a crash is lost with its checkpoint. Swaps and states turn it on.
    'synchronous_commit = off',
    // One plan for any values: keys of a batch are few, and the tables are large.
    'plan_cache_mode = force_generic_plan',
  ];
  await session.execute(settings.map((setting) => `SET ${setting}`).join('; '));
  return session;
}

/**
 * Runs something with a session of its own.
 * @throws Failure DATABASE_UNREACHABLE when the session ends, DATABASE_RIGHTS when the account may not do something.
 */
export async function withEngineSession<T>(
  url: string,
  schema: string,
  action: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openEngineSession(url, schema);
  try {
    return await action(session);
  } catch (error) {
    throw failureOf(error);
  } finally {
    session.destroy();
  }
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof ServerError)) return error;
  if (error.fatal)
    return new Failure('DATABASE_UNREACHABLE', `the database went away: ${error.message}`, { cause: error });
  return error.sqlState === '42501' ? new Failure('DATABASE_RIGHTS', error.message, { cause: error }) : error;
}

const passing: readonly string[] = ['40001', '40P01', '55P03', '57014'];

/** Whether the same may work a moment later: somebody was in the way. */
export function isPassing(error: unknown): error is ServerError {
  return error instanceof ServerError && !error.fatal && passing.includes(error.sqlState);
}

/** Whether the server refused a row: its values, a constraint, or what somebody's function says to them. */
export function isRefusal(error: unknown): error is ServerError {
  return error instanceof ServerError && !error.fatal && /^(?:22|23|2F|38|39|P0)/.test(error.sqlState);
}

/** Runs a transaction, again for as long as something that passes is in its way. @param begin opens it. */
export async function transaction<T>(
  session: Session,
  action: () => Promise<T>,
  { begin = 'BEGIN', attempts = 50 }: { readonly begin?: string; readonly attempts?: number } = {},
): Promise<T> {
  const whole = async (): Promise<T> => {
    await session.execute(begin);
    const result = await action();
    await session.execute('COMMIT');
    return result;
  };
  return await persistently(session, whole, attempts);
}

/** Does something that is a transaction from its beginning to its commit, again for as long as what passes is in its way. */
export async function persistently<T>(session: Session, whole: () => Promise<T>, attempts = 50): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await whole();
    } catch (error) {
      if (error instanceof ServerError && error.fatal) throw error;
      await session.execute('ROLLBACK');
      if (!isPassing(error) || attempt >= attempts) throw error;
      await sleep(Math.random() * 50);
    }
  }
}

/**
 * Runs a transaction that needs a table for itself, in short attempts that hold nobody up for long. Those who waited
 * behind one go before the next.
 */
export async function patiently<T>(session: Session, action: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const begin = "BEGIN; SET LOCAL lock_timeout = '100ms'; SET LOCAL synchronous_commit = on";
      return await transaction(session, action, { begin, attempts: 1 });
    } catch (error) {
      if (!isPassing(error)) throw error;
      await sleep(50 + Math.random() * 200, undefined, { signal });
    }
  }
}
