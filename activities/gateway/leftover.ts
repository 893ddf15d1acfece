import type { Allocation } from '../../domain/gateway/allocation';
import { isTerminal } from '../../domain/saga';
import type { Store } from '../../prisma/store';

/**
 * Whether an allocation is what an abandoned start left: that run is over, did not succeed, and a person chose to skip
 * its release. It can be stopped, and a stop that fails has no gateway to put back.
 */
export async function isLeftover(store: Store, { runId }: Allocation): Promise<boolean> {
  const start = await store.journal.run(runId);
  return start !== null && isTerminal(start.state) && start.state !== 'succeeded';
}
