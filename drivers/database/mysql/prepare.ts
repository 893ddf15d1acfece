import { Failure } from '../../../domain/failures';
import { createBareTable } from '../../../domain/schema/mysql/ddl';
import { tableOf } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { createCascadeTriggers } from './cascades';
import { checkPlanned, fingerprint } from './drift';
import { claimTable, createGhost, createHelpers, createTriggers, shadowsOf } from './helpers';
import { refuseClaimed } from './lint';
import { helperNames } from './names';
import { exists } from './phase';
import type { Point } from './points';
import type { Session } from './session';
import type { Fence, Watched } from './state';
import { createCopies, createOwn } from './user-triggers';

/**
 * Makes everything that a change needs beside the live tables. Whatever is there already is left.
 * @throws Failure CHANGE_DRIFTED, CHANGE_CONFLICT
 */
export async function prepareChange(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  await checkPlanned(session, change);
  const tables = change.operations.filter(({ object }) => object === 'table').map((operation) => operation.name);
  const shadows = shadowsOf(change);
  for (const table of tables) {
    await checkNames(session, table);
    const shadow = shadows.find(({ names }) => names.table === table);
    await claimTable(session, change, table, shadow);
    await point('prepare.claimed');
    if (shadow) await createHelpers(session, change, shadow);
  }
  // Whoever claimed a neighbour in the same moment sees these claims, or is seen here.
  await refuseClaimed(session, change);
  await point('prepare.helpers');
  for (const shadow of shadows) {
    await createGhost(session, shadow);
    await point('prepare.ghost');
    await createCopies(session, shadow, signal);
    await point('prepare.copies');
    await createTriggers(session, shadow, 'old', async () => await point('prepare.trigger'), signal);
  }
  for (const { kind, object, name: own } of change.operations) {
    if (kind !== 'CREATE' || object !== 'table') continue;
    const { ghost } = helperNames(own);
    const made = tableOf(change.to, own)!;
    if (!(await exists(session, ghost))) await session.execute(createBareTable({ ...made, name: ghost }));
    await createOwn(session, ghost, made.triggers, signal);
  }
  await createCascadeTriggers(session, change, point, signal);
  await point('prepare.made');
  const watched: Record<string, Watched[string]> = {};
  for (const { names } of shadows) watched[names.table] = { old: await fingerprint(session, names.table), new: '' };
  await fence.transaction(async () => {
    await fence.watch(watched);
    await fence.enter('copying');
  });
}

/** Makes the new sides ready to be live, once they are copied. Repeating it makes the rest. */
export async function readyNewSides(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  const watched: Record<string, Watched[string]> = { ...(await fence.watched()) };
  for (const shadow of shadowsOf(change)) {
    const { table, ghost } = shadow.names;
    await createTriggers(session, shadow, 'new', async () => await point('copy.trigger'), signal);
    watched[table] = { old: watched[table]!.old, new: await fingerprint(session, ghost) };
  }
  await fence.transaction(async () => {
    await fence.watch(watched);
    await fence.enter('copied');
  });
}

/** Names of ours are free until the claim is made. @throws Failure CHANGE_CONFLICT */
async function checkNames(session: Session, table: string): Promise<void> {
  const { log, ghost, old, failed, cursor, ticket, usedTicket } = helperNames(table);
  if (await exists(session, log)) return;
  for (const own of [ghost, old, failed, cursor, ticket, usedTicket])
    if (await exists(session, own)) throw new Failure('CHANGE_CONFLICT', `there is a table ${own} already`);
}
