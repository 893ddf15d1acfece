import { lintSchemas, type LintPolicy } from '../../../domain/schema/lint';
import type { LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { compareTables } from '../../../domain/schema/table-change';
import { lintAccount, lintBindings } from './lint-bindings';
import { askRows, makeTypes } from './lint-rows';
import { lintServer } from './lint-server';
import { lintTypes } from './lint-types';
import type { Session } from './session';

/**
 * Everything that keeps a change from being made safely, as far as the schemas, the server and the rows tell. Large
 * tables take their time: when nobody wants to know any more, the session ends, and with it what it asks.
 */
export async function lint(
  session: Session,
  change: PlannedChange,
  policy: LintPolicy,
  signal: AbortSignal,
): Promise<LintMessage[]> {
  signal.throwIfAborted();
  await noticeLeaving(session);
  const leave = (): void => session.destroy();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await everything(session, change, policy);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Makes the server look now and then whether the session is still there, while it works; it can since version 14. */
async function noticeLeaving(session: Session): Promise<void> {
  await session.query(
    "SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
  );
}

async function everything(session: Session, change: PlannedChange, policy: LintPolicy): Promise<LintMessage[]> {
  const messages = [
    ...lintSchemas(change, change.operations, policy),
    ...(await lintAccount(session)),
    ...(await lintBindings(session, change)),
    ...(await lintTypes(session, change)),
    ...(await lintServer(session, change, policy)),
  ];
  await makeTypes(session, change);
  for (const to of change.to.tables) {
    const from = tableOf(change.from, to.name);
    const altered = from && compareTables(from, to, change.renames);
    if (altered) messages.push(...(await askRows(session, change, altered)));
  }
  return messages;
}
