import { ReplicaState } from '../../domain/fleet/lifecycle';
import type { FleetActivities } from './activities';
import { hostKeyOf } from './keys';
import { replicaRow, wantedReplica } from './lookup';
import type { FleetPorts } from './ports';
import { statusOf, wayOut } from './status';

/** The first and the last word on a replica: what its machine will be known by, and that it is over. */
export function prepareSteps({ store, secrets }: FleetPorts): Pick<FleetActivities, 'prepare' | 'settle'> {
  const { replicas } = store.fleet;
  return {
    async prepare(ref) {
      const { replica } = await wantedReplica(store, ref);
      await replicas.note(ref.organizationId, ref.replicaId, {
        createPendingAt: replica.createPendingAt ?? new Date(),
        hostPublicKey: hostKeyOf(secrets, ref.replicaId).publicKey,
      });
    },

    async settle({ leftBehind, because, ...ref }) {
      const { organizationId, replicaId } = ref;
      const replica = await replicaRow(store, ref);
      if (replica.state === ReplicaState.terminated) return;
      const gateway = await store.fleet.gateways.get(organizationId, ref.gatewayId);
      const why = replica.statusMessage ?? statusOf(replica, gateway, because);
      const statusMessage =
        leftBehind.length === 0 ? why : [why, 'Its machine may still be there'].filter(Boolean).join('. ');
      const move = wayOut(replica);
      if (replica.state !== ReplicaState.terminating)
        await replicas.move(organizationId, replicaId, move, { statusMessage });
      if (move === 'retire') await replicas.move(organizationId, replicaId, 'end', { statusMessage });
    },
  };
}
