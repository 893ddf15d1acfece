import { Failure } from '../../../domain/failures';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Work } from '../engine';
import { Copier } from './copy';
import type { Drainer } from './drain';
import type { Point } from './points';
import { Meter } from './progress';
import { refuseRefused } from './refusals';
import type { Session } from './session';
import type { ShadowTables } from './shadows';
import type { Fence } from './state';
import { rest } from './waiting';

/** Notes that are little enough to call a log followed to its end. */
export const FEW_NOTES = 1_000;

/** What a copy works with. */
export interface CopyTools {
  readonly session: Session;
  readonly fence: Fence;
  readonly change: PlannedChange;
  readonly shadows: readonly ShadowTables[];
  readonly drainers: readonly Drainer[];
  readonly point: Point;
}

/**
 * Copies every table, and follows the logs until little is left of them.
 * @throws Failure ROWS_REFUSED when everything else is copied and rows do not fit; CHANGE_BEHIND
 */
export async function copyAll(tools: CopyTools, work: Work): Promise<void> {
  const { session, fence, change, shadows, drainers, point } = tools;
  const meter = new Meter(session, change, shadows);
  for (const [i, shadow] of shadows.entries()) await copyOne(tools, shadow, drainers[i]!, meter, work);
  await catchUp(change, drainers, work);
  await refuseRefused(drainers, shadows);
  await point('copy.copied');
  await fence.transaction('READ COMMITTED', async () => {
    await fence.enter('copied');
    await session.execute(`UPDATE ${fence.table} SET copied_at = clock_timestamp() WHERE id = 1`);
  });
  for (const { forward } of shadows) await session.execute(`ANALYZE ${forward.target}`);
  await meter.report(work, 'copied', true);
  await point('copy.done');
}

async function copyOne(
  { session, fence, drainers, point }: CopyTools,
  shadow: ShadowTables,
  own: Drainer,
  meter: Meter,
  work: Work,
): Promise<void> {
  const copier = new Copier(session, fence, shadow, own);
  let followed = performance.now();
  for (let more = true; more;) {
    work.signal.throwIfAborted();
    await point('copy.chunk');
    const step = await copier.step();
    await point('copy.chunked');
    more = step.more;
    const began = performance.now();
    if (!more || began - followed > FOLLOW_EVERY_MS) {
      // Copying waits for the log: what grows now would have to be followed while the cut-over waits.
      for (const drainer of drainers) for (let round = 1; (await drainer.step()) > FEW_NOTES && round < 20; round++);
      followed = performance.now();
    }
    await meter.report(work, 'copying');
    await rest(step.tookMs + (performance.now() - began), work);
  }
}

/** Milliseconds for which a log may grow while rows are copied. */
const FOLLOW_EVERY_MS = 200;

/** Follows logs until little is left. @throws Failure CHANGE_BEHIND when they grow as fast. */
export async function catchUp(change: PlannedChange, drainers: readonly Drainer[], work: Work): Promise<void> {
  for (const drainer of drainers)
    for (let round = 1; (await drainer.step(round > 1)) > FEW_NOTES; round++) {
      work.signal.throwIfAborted();
      if (round >= 200)
        throw new Failure('CHANGE_BEHIND', `the log of change ${change.id} grows as fast as it can be followed`);
    }
}
