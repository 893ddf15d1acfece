import type { ChangePhase } from '../../../domain/schema/phases';
import type { PlannedChange } from '../../../domain/schema/plan';
import type { Work } from '../engine';
import { pause } from '../pause';
import type { CopyTools } from './copying';
import { Drainer } from './drain';
import { directionIn, routeOf } from './phase';
import { Reporter } from './progress';

/** Notes that are few: more of them together cost the server less. */
const FEW = 100;

/** Milliseconds between two looks at logs in which little was. */
const IDLE_MS = 20;

/** Milliseconds between two tries of rows that did not fit. */
const RETRY_FAILED_MS = 2_000;

/** Follows the logs of all tables until it is told to stop. @throws Failure CHANGE_BEHIND */
export async function followAll(
  { session, fence, phase, shadows, governor, point }: CopyTools & { readonly phase: ChangePhase },
  change: PlannedChange,
  work: Work,
): Promise<void> {
  const direction = directionIn(phase);
  const drainers = shadows.map((each) => new Drainer(session, fence, routeOf(each, direction), each.names.failed));
  const reporter = new Reporter(session, change, () => governor.following.throttledBy);
  let retriedAt = performance.now();
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
    await reporter.report(work, phase);
    if (taken > 0) await governor.restFollower(workedMs);
    if (taken < FEW) await pause(IDLE_MS, work.signal);
  }
}
