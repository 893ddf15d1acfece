import { KeepingUp } from '../../../domain/schema/keeping-up';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Work } from '../engine';
import { Copier } from './copy';
import type { Drainer } from './drain';
import type { Governor } from '../governor';
import { isPassing } from './engine-session';
import type { Point } from './points';
import { Meter } from './progress';
import { refuseRefused } from './refusals';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import type { Fence } from './state';

/** Notes that are little enough to call a log followed to its end. */
export const FEW_NOTES = 1_000;

/** What a copy works with. */
export interface CopyTools {
  readonly session: Session;
  readonly fence: Fence;
  readonly change: PlannedChange;
  readonly shadows: readonly ShadowTables[];
  readonly drainers: readonly Drainer[];
  readonly governor: Governor;
  readonly point: Point;
}

/**
 * Copies every table, and follows the logs until little is left of them.
 * @throws Failure ROWS_REFUSED when everything else is copied and rows do not fit; CHANGE_BEHIND
 */
export async function copyAll(tools: CopyTools, work: Work): Promise<void> {
  const { session, fence, change, shadows, drainers, governor, point } = tools;
  const meter = new Meter(session, change, shadows, () => governor.copying.throttledBy);
  for (const [i, shadow] of shadows.entries()) await copyOne(tools, shadow, drainers[i]!, meter, work);
  await catchUp(change, drainers, work);
  await refuseRefused(drainers, shadows);
  await point('copy.copied');
  await fence.transaction('READ COMMITTED', async () => {
    await fence.enter('copied');
    await session.execute(`UPDATE ${fence.table} SET copied_at = clock_timestamp() WHERE id = 1`);
  });
  for (const { forward } of shadows) await analyze(session, forward.target);
  await meter.report(work, 'copied', true);
  await point('copy.done');
}

/** Only statistics are at stake: whoever holds the table meanwhile, as autovacuum does, need not be waited for. */
async function analyze(session: Session, table: string): Promise<void> {
  try {
    await session.execute(`ANALYZE ${table}`);
  } catch (error) {
    if (!isPassing(error)) throw error;
  }
}

async function copyOne(
  { session, fence, drainers, governor, point }: CopyTools,
  shadow: ShadowTables,
  own: Drainer,
  meter: Meter,
  work: Work,
): Promise<void> {
  const copier = new Copier(session, fence, shadow, own);
  let followed = performance.now();
  for (let more = true; more;) {
    work.signal.throwIfAborted();
    governor.check();
    await point('copy.chunk');
    const step = await copier.step();
    await point('copy.chunked');
    more = step.more;
    const began = performance.now();
    if (!more || began - followed > FOLLOW_EVERY_MS) {
      // Copying waits for the log: what grows now would have to be followed while the cut-over waits.
      for (let round = 1; (await followAll(drainers)) && round < 20; round++);
      followed = performance.now();
    }
    await meter.report(work, 'copying');
    await governor.restFollowing(step.tookMs, async () => await followAll(drainers));
  }
}

/** Milliseconds for which a log may grow while rows are copied. */
const FOLLOW_EVERY_MS = 200;

/** Takes a batch of every log. @returns whether much may be left. */
async function followAll(drainers: readonly Drainer[]): Promise<boolean> {
  let most = 0;
  for (const drainer of drainers) most = Math.max(most, await drainer.step());
  return most > FEW_NOTES;
}

/** Milliseconds in which catching up has to get on, and between two looks at whether it does. */
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 1_000;

/** Follows logs until little is left. @throws Failure CHANGE_BEHIND when they grow as fast. */
export async function catchUp(change: PlannedChange, drainers: readonly Drainer[], { signal }: Work): Promise<void> {
  for (const drainer of drainers) {
    const keepingUp = new KeepingUp(change.id, { logLength: FEW_NOTES, patienceMs: PATIENCE_MS });
    let looked = performance.now();
    while ((await drainer.step()) > FEW_NOTES) {
      signal.throwIfAborted();
      if (performance.now() - looked < LOOK_EVERY_MS) continue;
      looked = performance.now();
      keepingUp.note(await drainer.length(), looked);
    }
  }
}
