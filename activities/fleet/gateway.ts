import type { FleetGateway } from '../../domain/fleet/gateway';
import { GatewayState, isLive, ReplicaState } from '../../domain/fleet/lifecycle';
import { decide, retirementOf } from '../../domain/fleet/scaling';
import type { FleetActivities, Reconciled } from './activities';
import type { FleetPorts } from './ports';

/** The looks that gateways' and replicas' lives are led by. */
export function gatewaySteps(ports: FleetPorts): Pick<FleetActivities, 'reconcile' | 'stage'> {
  const { store } = ports;
  return {
    async reconcile({ organizationId, gatewayId, fleet: policy }) {
      const now = new Date();
      const { gateway, replicas, decision } = await store.fleet.gateways.reconcile(
        organizationId,
        gatewayId,
        (row, rows) => {
          const { backend, region } = row.configuration;
          return decide(row, rows, { now, backend: ports.backendFacts(backend, region), policy });
        },
      );
      const at = decision?.lookAgainAt ?? null;
      return {
        replicas: replicas.filter(isLive).map(({ id }) => id),
        retiring: decision?.retire.map(({ replicaId }) => replicaId) ?? [],
        lookAgainInMs: at && Math.max(0, at.getTime() - now.getTime()),
        rollout: gateway && rolloutOf(gateway),
        over: gateway === null,
      };
    },

    async stage(ref) {
      const replica = await store.fleet.replicas.get(ref.organizationId, ref.replicaId);
      // The rows of a gateway that is deleted go with it.
      if (!replica || replica.state === ReplicaState.terminated) return 'over';
      if (replica.state === ReplicaState.terminating) return 'retire';
      const gateway = await store.fleet.gateways.get(ref.organizationId, ref.gatewayId);
      if (!gateway || retirementOf(gateway, replica) !== null) return 'retire';
      return replica.state === ReplicaState.running ? 'serve' : 'provision';
    },
  };
}

/** What the replicas of a gateway are to be given. While it is coming up, they get what it has then by themselves. */
function rolloutOf({ rollout, profile: to, state, deletionMarkedAt }: FleetGateway): Reconciled['rollout'] {
  return rollout && state === GatewayState.running && !deletionMarkedAt ? { ...rollout, to } : null;
}
