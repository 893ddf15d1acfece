import type { ChangePhase } from '../../../domain/schema/phases';
import type { Work } from '../engine';
import { pause } from '../pause';
import { FEW_NOTES, type CopyTools } from './copying';
import { Meter } from './progress';
import { settle } from './settle';

/** Milliseconds between looks at a log in which nothing was. */
const IDLE_MS = 50;

/** Follows the logs until it is told to stop. @throws Failure CHANGE_BEHIND when they grow as fast. */
export async function followLogs(tools: CopyTools, phase: ChangePhase, work: Work): Promise<void> {
  const { session, fence, change, shadows, drainers, governor, point } = tools;
  const meter = new Meter(session, change, shadows, () => governor.following.throttledBy);
  while (!work.signal.aborted) {
    governor.check();
    await settle(session, fence, work.signal);
    let taken = 0;
    for (const drainer of drainers) {
      const began = performance.now();
      await point('follow.batch');
      const step = await drainer.step();
      await point('follow.batched');
      if (step > 0) await governor.restFollower(performance.now() - began);
      taken += step;
    }
    await meter.report(work, phase);
    if (taken < FEW_NOTES) await pause(IDLE_MS, work.signal);
  }
}
