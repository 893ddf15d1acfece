import { hashSecret } from '../../prisma/token-secret';
import { Failure } from '../../domain/failures';
import { replicaName } from '../../domain/fleet/gateway';
import { ReplicaState } from '../../domain/fleet/lifecycle';
import type { FleetActivities } from './activities';
import { replicaSecretOf } from './keys';
import { replicaRow, wantedReplica } from './lookup';
import type { FleetPorts } from './ports';
import { statusOf, wayOut } from './status';

type PoolSteps = Pick<FleetActivities, 'joinPool' | 'leavePool' | 'withdraw'>;

/** Into the pool, and out of it again. */
export function poolSteps({ store, secrets }: FleetPorts): PoolSteps {
  const { replicas } = store.fleet;
  return {
    async joinPool(ref) {
      const { replica, gateway } = await wantedReplica(store, ref);
      if (replica.serves === null) throw new Failure('MACHINE_GONE', 'the replica’s machine has no address');
      await replicas.join(ref.organizationId, ref.replicaId, {
        name: replicaName(gateway.name, replica.num),
        secretHash: hashSecret(replicaSecretOf(secrets, ref.replicaId)),
        address: replica.serves,
      });
    },

    async leavePool({ replicaId }) {
      await store.pool.unregister(replicaId);
    },

    async withdraw({ reason, ...ref }) {
      await store.pool.withdraw(ref.replicaId);
      const replica = await replicaRow(store, ref);
      if (replica.state === ReplicaState.terminated) return;
      const gateway = await store.fleet.gateways.get(ref.organizationId, ref.gatewayId);
      const statusMessage = reason ?? replica.statusMessage ?? statusOf(replica, gateway);
      if (replica.state !== ReplicaState.terminating)
        await replicas.move(ref.organizationId, ref.replicaId, wayOut(replica), { statusMessage });
    },
  };
}
