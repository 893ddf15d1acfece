import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Work } from '../engine';
import type { CopyTools } from './copying';
import { Drainer } from './drain';
import { directionIn, routeOf } from './phase';
import { progressOf } from './progress';
import { pause } from './work';

/** Milliseconds between two looks at logs in which nothing was. */
const IDLE_MS = 20;

/** Milliseconds between two tries of rows that did not fit. */
const RETRY_FAILED_MS = 2_000;

/** Milliseconds between two reports. */
const REPORT_EVERY_MS = 500;

/** Follows the logs of all tables until it is told to stop. @throws Failure CHANGE_BEHIND */
export async function followAll(
  { session, fence, phase, shadows, governor, point }: CopyTools & { readonly phase: ChangePhase },
  change: PlannedChange,
  work: Work,
): Promise<void> {
  const direction = directionIn(phase);
  const drainers = shadows.map((each) => new Drainer(session, fence, routeOf(each, direction), each.names.failed));
  let [retriedAt, reportedAt] = [performance.now(), -Infinity];
  while (!work.signal.aborted) {
    governor.check();
    const began = performance.now();
    let taken = 0;
    await point('follow.batch');
    for (const drainer of drainers) taken += await drainer.step();
    await point('follow.batched');
    const workedMs = performance.now() - began;
    if (performance.now() - retriedAt > RETRY_FAILED_MS) {
      for (const drainer of drainers) await drainer.retryFailed();
      retriedAt = performance.now();
    }
    if (work.onProgress && performance.now() - reportedAt > REPORT_EVERY_MS) {
      work.onProgress(await progressOf(session, change, phase, new Map(), governor.following.throttledBy));
      reportedAt = performance.now();
    }
    if (taken === 0) await pause(IDLE_MS, work.signal);
    else await governor.restFollower(workedMs);
  }
}
