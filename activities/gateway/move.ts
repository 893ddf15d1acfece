import { cancellationSignal } from '@temporalio/activity';
import { Failure, isFailure, leavesNothing } from '../../domain/failures';
import type { Allocation } from '../../domain/gateway/allocation';
import { moveRunId } from '../../domain/gateway/contract';
import type { GatewayActivities, MoveRef, RouteChange } from './activities';
import { heldAllocation } from './held';
import type { GatewayPorts } from './ports';

type MoveSteps = Pick<
  GatewayActivities,
  'reserve' | 'unreserve' | 'greet' | 'letGo' | 'confirmDns' | 'exchange' | 'giveBack'
>;

/** Why a replica cannot be told anything: what it is not told, it is kept out of the pool for. */
const untellable: readonly string[] = ['HANDSHAKE_FAILED', 'SECRET_UNAVAILABLE', 'ADDRESS_REFUSED'];

/** Moving an allocation from one replica to another. At every moment it holds one of them, and the move the other. */
export function moveSteps({ store, agent, zone, edgeIp, replicaSecret }: GatewayPorts): MoveSteps {
  const { moves, pool } = store;

  /** The allocation, while it is live. @throws Failure ALLOCATION_GONE, STATE_CONFLICT (data: state) */
  const liveAllocation = async ({ allocationId }: MoveRef): Promise<Allocation> => {
    const allocation = await heldAllocation(store, allocationId);
    const { state } = allocation;
    if (state === 'live') return allocation;
    throw new Failure('STATE_CONFLICT', `the allocation is ${state}`, { data: { state } });
  };

  /** Every edge, also one that is behind: one of the two replicas will be somebody else's after this. */
  const everywhere = async ({ revision }: { revision: number }): Promise<RouteChange> => ({
    revision,
    edges: (await store.edges.list()).map(({ name }) => name),
  });

  const end = async (ref: MoveRef, quarantine?: string): Promise<void> => {
    const { moveId: allocationId, organizationId } = ref;
    const why = quarantine === undefined ? {} : { quarantine };
    await pool.release({ allocationId, organizationId, runId: moveRunId(allocationId), ...why });
  };

  return {
    async reserve(ref) {
      const { allocationId, organizationId, moveId, from } = ref;
      const { hostname, replicaId, epoch } = await liveAllocation(ref);
      if (replicaId !== from.replicaId || epoch !== from.epoch)
        throw new Failure('STATE_CONFLICT', 'the allocation was moved already', { data: { replicaId, epoch } });
      const claim = { moveId, allocationId, organizationId, hostname, runId: moveRunId(moveId) };
      try {
        const { address, replicaId: to, epoch: raised } = await moves.reserve(claim);
        return { hostname, address, replicaId: to, epoch: raised };
      } catch (error) {
        // As for an allocation: an attempt that timed out may still be on its way, and must find that it is over.
        if (isFailure(error) && leavesNothing(error.code)) await end(ref);
        throw error;
      }
    },

    async unreserve({ quarantine, ...ref }) {
      await end(ref, quarantine);
    },

    async greet(ref) {
      const { allocationId: allocation_id, organizationId: organization_id } = ref;
      const move = await moves.find(ref.moveId);
      if (move?.state !== 'starting') throw new Failure('ALLOCATION_GONE', 'this move was taken back');
      const { replicaId: replica_id, address, hostname, epoch } = move;
      const target = { address, secret: await replicaSecret(replica_id) };
      await agent.handshake(
        target,
        { replica_id, allocation_id, organization_id, hostname, epoch },
        cancellationSignal(),
      );
    },

    async letGo({ moveId, allocationId: allocation_id }) {
      const move = await moves.find(moveId);
      if (!move) return 'released'; // it never held a replica
      const { replicaId: replica_id, address, epoch } = move;
      try {
        const target = { address, secret: await replicaSecret(replica_id) };
        const answer = await agent.release(target, { replica_id, allocation_id, epoch }, cancellationSignal());
        return answer === 'released' ? 'released' : 'unconfirmed';
      } catch (error) {
        if (isFailure(error) && untellable.includes(error.code)) return 'unconfirmed';
        throw error;
      }
    },

    async confirmDns(ref) {
      const { hostname } = await liveAllocation(ref);
      // Looked at again where no other writer is: a stop takes the records away only after it began.
      const guard = async (): Promise<void> => void (await liveAllocation(ref));
      await zone.register({ hostname, ip: edgeIp, owner: ref.allocationId }, guard);
    },

    async exchange(ref) {
      return await everywhere(await moves.exchange(ref));
    },

    async giveBack(ref) {
      return await everywhere(await moves.giveBack(ref));
    },
  };
}
