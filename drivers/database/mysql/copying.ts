import type { PlannedChange } from '../../../domain/schema/plan';
import { CopyMeter } from '../../../domain/schema/progress';
import type { Work } from '../engine';
import type { Governor } from '../governor';
import { Copier } from './copy';
import { Drainer } from './drain';
import type { ShadowTables } from './helpers';
import { routeOf } from './phase';
import type { Point } from './points';
import { Reporter } from './progress';
import type { Session } from './session';
import type { Fence } from './state';

/** Notes that may have come while others were followed, before following comes before copying. */
const LOG_FIRST = 1_000;

/** Milliseconds of following alone before some more is copied all the same. */
const FOLLOWING_MS = 10_000;

/** What a copy works with. */
export interface CopyTools {
  readonly session: Session;
  readonly fence: Fence;
  readonly shadows: readonly ShadowTables[];
  readonly governor: Governor;
  readonly point: Point;
}

interface Part {
  readonly copier: Copier;
  readonly drainer: Drainer;
}

/**
 * Copies the rows of all tables, one table after the other, and follows all their logs as they grow: notes about what is
 * copied later are done with by being read.
 * @throws Failure CHANGE_BEHIND
 */
export async function copyAll(
  { session, fence, shadows, governor, point }: CopyTools,
  change: PlannedChange,
  work: Work,
): Promise<void> {
  const parts = shadows.map((tables): Part & { readonly table: string } => {
    const route = { ...routeOf(tables, 'forward'), copying: tables.names.cursor };
    const drainer = new Drainer(session, fence, route, tables.names.failed);
    return { table: tables.names.table, copier: new Copier(session, fence, tables), drainer };
  });
  const meters = new Map<string, CopyMeter>();
  for (const { table, copier } of parts) {
    await copier.begin();
    const meter = new CopyMeter();
    meter.note({ atMs: performance.now(), rowsCopied: await copier.copied() });
    meters.set(table, meter);
  }
  const reporter = new Reporter(session, change, () => governor.copying.throttledBy, meters);
  for (const { copier } of parts)
    for (let chunks = 0, more = true; more; chunks++) {
      work.signal.throwIfAborted();
      governor.check();
      await point('copy.chunk');
      const step = await copier.step();
      more = step.more;
      await point('copy.chunked');
      if (chunks % 10 === 9 || !more)
        for (const part of parts) await followUntil(part, LOG_FIRST, governor, work.signal);
      await point('copy.drained');
      await reporter.report(work, 'copying');
      await governor.restFollowing(step.tookMs, async () => await drainOnce(parts));
    }
}

/** Takes a batch of each log. @returns whether there may be more. */
async function drainOnce(parts: readonly Part[]): Promise<boolean> {
  let taken = 0;
  for (const { drainer } of parts) taken += await drainer.step();
  return taken > 0;
}

/** @throws Failure CHANGE_BEHIND */
async function followUntil({ drainer }: Part, few: number, governor: Governor, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  do {
    signal.throwIfAborted();
    governor.check();
    const taken = await drainer.step();
    if (drainer.caughtUp && taken <= few) return;
  } while (performance.now() - began < FOLLOWING_MS);
}
