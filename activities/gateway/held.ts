import { Failure } from '../../domain/failures';
import type { Allocation } from '../../domain/gateway/allocation';
import type { Store } from '../../prisma/store';

/**
 * The allocation, while it is held. Steps read from it what they write elsewhere, and look again afterwards: an attempt
 * that was thought dead and comes late finds out that it must not leave anything behind.
 * @throws Failure ALLOCATION_GONE when it was released, or never was.
 */
export async function heldAllocation(store: Store, allocationId: string): Promise<Allocation> {
  const allocation = await store.pool.allocation(allocationId);
  if (allocation && allocation.state !== 'released') return allocation;
  throw new Failure('ALLOCATION_GONE', `allocation ${allocationId} is not held any more`);
}
