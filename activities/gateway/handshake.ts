import { cancellationSignal } from '@temporalio/activity';
import { isFailure } from '../../domain/failures';
import { allocationMoves, found } from '../../domain/gateway/allocation';
import type { GatewayActivities } from './activities';
import { heldAllocation } from './held';
import type { GatewayPorts } from './ports';

/** The replica's word that it serves an allocation, and its word that it no longer does. */
export function handshakeSteps(ports: GatewayPorts): Pick<GatewayActivities, 'handshake' | 'releaseEpoch'> {
  const { store, agent } = ports;
  return {
    async handshake({ allocationId }) {
      const { state, replicaId, organizationId, hostname, address, epoch } = await heldAllocation(store, allocationId);
      // Confirmed before, in a workflow task that was lost: whoever was told so must not be told otherwise.
      if (state === 'live') return;
      const request = {
        replica_id: replicaId,
        allocation_id: allocationId,
        organization_id: organizationId,
        hostname,
        epoch,
      };
      const target = { address, secret: await ports.replicaSecret(replicaId) };
      await agent.handshake(target, request, cancellationSignal());
      await store.pool.move(allocationId, found(allocationMoves.confirm), 'live');
    },

    async releaseEpoch({ allocationId }) {
      const allocation = await store.pool.allocation(allocationId);
      if (!allocation) return 'released'; // it never held a replica
      const { replicaId, address, epoch } = allocation;
      // Nobody may be told that it is live while it is taken down. One that is over already is told all the same: its
      // replica may be in quarantine because nobody could tell it before.
      if (allocation.state !== 'released')
        await store.pool.move(allocationId, found(allocationMoves.letGo), 'stopping');
      const request = { replica_id: replicaId, allocation_id: allocationId, epoch };
      const target = { address, secret: await ports.replicaSecret(replicaId) };
      try {
        const answer = await agent.release(target, request, cancellationSignal());
        return answer === 'released' ? 'released' : 'unconfirmed';
      } catch (error) {
        // Whoever answers there now is not the replica; the replica itself stays out of the pool.
        if (isFailure(error) && error.code === 'HANDSHAKE_FAILED') return 'unconfirmed';
        throw error;
      }
    },
  };
}
