import type { Allocation } from '../domain/gateway/allocation';
import { stopRunId } from '../domain/gateway/contract';
import { isTerminal } from '../domain/saga';
import type { Store } from '../prisma/store';

/**
 * The id of the stop that is under way or succeeded, or of the one to begin. A stop that was taken back keeps its id
 * and its history; the one after it has the next number, the same for whoever counts.
 */
export async function presentStop(store: Store, allocationId: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const run = await store.journal.run(stopRunId(allocationId, attempt));
    if (!run || run.state === 'succeeded' || !isTerminal(run.state)) return stopRunId(allocationId, attempt);
  }
}

/** Whether the start that made an allocation has ended, as the journal knows. */
export async function startIsOver(store: Store, { runId }: Allocation): Promise<boolean> {
  const start = await store.journal.run(runId);
  return start !== null && isTerminal(start.state);
}

/**
 * Whether an allocation that is neither live nor released has been left so: the runs that worked on it are over, and
 * nothing will change it before it is stopped.
 */
export async function isLeftOver(store: Store, held: Allocation): Promise<boolean> {
  if (!(await startIsOver(store, held))) return false;
  if (await store.journal.run(await presentStop(store, held.id))) return false;
  // A run that ended since `held` was read has changed it before.
  const present = await store.pool.allocation(held.id);
  return present?.resourceVersion === held.resourceVersion;
}
