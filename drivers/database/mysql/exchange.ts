import { changeMoves } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Swapped, SwapOptions } from '../engine';
import { refuseLosses } from '../refuse-losses';
import { settleIn } from './aftermath';
import { Drainer } from './drain';
import { checkDrift } from './drift';
import { disconnect } from './foreign-keys';
import type { ShadowTables } from './helpers';
import { checkInstant } from './instant';
import { lossesOf } from './losses';
import { renames, routeOf } from './phase';
import type { Point } from './points';
import type { Session } from './session';
import type { Fence } from './state';
import { swap } from './swap';

/** What an exchange works with: a process's hold on a change, and further sessions. */
export interface ExchangeTools {
  readonly session: Session;
  readonly fence: Fence;
  readonly shadows: readonly ShadowTables[];
  readonly point: Point;
  readonly open: () => Promise<Session>;
}

/**
 * Lets both sides of a change change places, does what that leaves to be done, and writes it down.
 * @throws Failure CHANGE_BLOCKED, CHANGE_BEHIND, CHANGE_DRIFTED, ROWS_REFUSED, REVERT_LOSES
 */
export async function exchange(
  { session, fence, shadows, point, open }: ExchangeTools,
  change: PlannedChange,
  move: 'cutOver' | 'revert' | 'reapply',
  options: SwapOptions,
  signal: AbortSignal,
): Promise<Swapped> {
  const { to } = changeMoves[move];
  const direction = move === 'revert' ? 'back' : 'forward';
  if (direction === 'back' && options.acceptLosses !== true) refuseLosses(await lossesOf(session, change));
  await checkInstant(session, change, direction);
  const watched = await fence.watched();
  const live = direction === 'forward' ? 'old' : 'new';
  const tables = shadows.map((each) => ({
    route: routeOf(each, direction),
    failed: each.names.failed,
    drainer: new Drainer(session, fence, routeOf(each, direction), each.names.failed),
    checkDrift: async (looking: Session) =>
      await checkDrift(looking, each.names.table, watched[each.names.table]?.[live]),
  }));
  const [renamer, watcher] = [await open(), await open()];
  for (const each of [renamer, watcher]) await each.execute('SET lock_wait_timeout = 1');
  try {
    const sessions = { engine: session, renamer, watcher, open };
    const swapped = await swap({ ...sessions, change, direction, state: fence.table, tables, point }, options, signal);
    // Where nothing is renamed, it is from here on that whoever takes over does the rest.
    if (!renames(change)) await fence.transaction(async () => await fence.enter(to));
    await disconnect(session, change, 'others', signal);
    await settleIn(to, { session, fence, point }, change, signal);
    return swapped;
  } finally {
    renamer.destroy();
    watcher.destroy();
  }
}
