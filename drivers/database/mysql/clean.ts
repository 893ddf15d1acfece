import { setTimeout as sleep } from 'node:timers/promises';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
import { dropCascadeTriggers } from './cascades';
import { patiently } from './engine-session';
import { nameKeys, referringTables } from './foreign-keys';
import { shadowsOf } from './helpers';
import { nameIndexes } from './key-indexes';
import { helperNames } from './names';
import type { Point } from './points';
import { text } from './rows';
import type { Session } from './session';
import { stateTable, type Fence } from './state';
import { restoreNew, restoreOld } from './user-triggers';

/** Rows that are removed at a time before a table is dropped: dropping a large one at once holds the server up. */
const STEP = 5_000;

/** Removes everything that a change made beside what is kept; the state last, so that whoever takes over goes on. */
export async function removeChange(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  kept: 'old' | 'new',
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  for (const shadow of shadowsOf(change)) {
    const { names } = shadow;
    for (const side of ['old', 'new'] as const)
      for (const event of ['i', 'u', 'd'] as const)
        await patiently(session, `DROP TRIGGER IF EXISTS ${name(names.trigger(side, event))}`, signal);
    await point('clean.triggers');
    if (kept === 'new') await restoreNew(session, shadow, fence, signal);
    else await restoreOld(session, shadow, signal);
    await point('clean.restored');
  }
  await dropCascadeTriggers(session, change, signal);
  await nameKeys(session, change, kept, signal);
  await nameIndexes(session, change, kept, signal);
  await point('clean.keys');
  for (const { name: table, object } of change.operations) {
    if (object !== 'table') continue;
    const { ghost, old, failed, cursor, ticket, usedTicket, taken, log } = helperNames(table);
    // The log is the claim: it goes last.
    for (const helper of [ghost, old, failed, cursor, ticket, usedTicket, taken, log]) {
      if (helper === ghost || helper === old) await dropTriggers(session, helper, signal);
      await emptied(session, helper, signal);
      await patiently(session, `DROP TABLE IF EXISTS ${name(helper)}`, signal, 0);
      await point('clean.table');
    }
  }
  for (const table of referringTables(change))
    await patiently(session, `DROP TABLE IF EXISTS ${name(helperNames(table).taken)}`, signal, 0);
  await patiently(session, `DROP TABLE IF EXISTS ${name(stateTable(change))}`, signal, 0);
  await point('clean.state');
}

/** Whoever they run for may have lost his rights by now, and then nothing could be removed. */
async function dropTriggers(session: Session, table: string, signal: AbortSignal): Promise<void> {
  const triggers = await session.query(
    'SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = database() AND event_object_table = ?',
    [table],
  );
  for (const trigger of triggers)
    await patiently(session, `DROP TRIGGER IF EXISTS ${name(text(trigger.name))}`, signal, 0);
}

async function emptied(session: Session, table: string, signal: AbortSignal): Promise<void> {
  const known = await session.query(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = ? AND table_type = 'BASE TABLE'",
    [table],
  );
  if (known.length === 0) return;
  for (;;) {
    signal.throwIfAborted();
    const removed = await session.execute(`DELETE FROM ${name(table)} LIMIT ${STEP}`);
    await session.execute('COMMIT');
    if (removed < STEP) return;
    await sleep(5);
  }
}
