import { activityInfo } from '@temporalio/activity';
import { isFailure } from '../../domain/failures';
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
        // A first attempt that timed out may still be on its way. The tombstone refuses it, so that "no replica" and
        // "another run has it" really mean that this run holds nothing.
        if (isFailure(error) && activityInfo().attempt > 1) await store.pool.release(owner(ref));
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
