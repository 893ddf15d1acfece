import { Failure, isFailure, leavesNothing } from '../../domain/failures';
import { allocationMoves, found, type Allocation } from '../../domain/gateway/allocation';
import { startRunId } from '../../domain/gateway/contract';
import { gatewayHostname } from '../../domain/hostname';
import type { AllocationRef, GatewayActivities, Slot } from './activities';
import { isLeftover } from './leftover';
import type { GatewayPorts } from './ports';

type AllocationSteps = Pick<GatewayActivities, 'allocate' | 'release' | 'beginStop' | 'abortStop'>;

/** The hold on a replica: taking it, giving it back, and the states in between. */
export function allocationSteps({ store }: GatewayPorts): AllocationSteps {
  return {
    async allocate(ref) {
      try {
        return slot(await store.pool.allocate(claim(ref)));
      } catch (error) {
        if (isFailure(error) && error.code === 'ALLOCATION_GONE') throw await refusedBefore(store, ref, error);
        // An attempt that timed out may still be on its way, and a workflow task that was lost with its worker is done
        // again when the run's end was told already. The tombstone refuses both, so that "no replica" and "another run
        // has it" really mean that this run holds nothing and never will.
        if (isFailure(error) && leavesNothing(error.code)) await store.pool.release(owner(ref));
        throw error;
      }
    },

    async release({ quarantine, ...ref }) {
      await store.pool.release({ ...owner(ref), ...(quarantine !== undefined && { quarantine }) });
    },

    async beginStop({ allocationId }) {
      const allocation = await store.pool.allocation(allocationId);
      const leftover = allocation?.state === 'starting' && (await isLeftover(store, allocation));
      const from = leftover ? allocationMoves.stopLeftover : allocationMoves.stop;
      return slot(await store.pool.move(allocationId, found(from), 'stopping'));
    },

    async abortStop({ allocationId }) {
      const allocation = await store.pool.allocation(allocationId);
      if (allocation?.state !== 'stopping' || (await isLeftover(store, allocation))) return;
      await store.pool.move(allocationId, allocationMoves.abortStop.from, 'live');
    },
  };
}

/** What an allocation that never held a replica was refused for; the failure itself for one that did. */
async function refusedBefore(store: GatewayPorts['store'], ref: AllocationRef, gone: Failure): Promise<Failure> {
  if (await store.pool.allocation(ref.allocationId)) return gone;
  const other = await store.pool.openAllocation(ref.organizationId);
  if (!other) return new Failure('POOL_EMPTY');
  const { id: allocationId, runId, state } = other;
  return new Failure('ALLOCATION_BUSY', undefined, { data: { allocationId, runId, state } });
}

function claim(ref: AllocationRef): { allocationId: string; organizationId: string; hostname: string; runId: string } {
  return { ...owner(ref), hostname: gatewayHostname(ref.organizationId, ref.zone) };
}

function owner({ allocationId, organizationId }: AllocationRef): {
  allocationId: string;
  organizationId: string;
  runId: string;
} {
  return { allocationId, organizationId, runId: startRunId(allocationId) };
}

function slot({ hostname, address, replicaId, epoch }: Allocation): Slot {
  return { hostname, address, replicaId, epoch };
}
