import { Failure } from '../../domain/failures';
import type { ReplicaRef } from '../../domain/fleet/contract';
import type { FleetGateway, FleetReplica } from '../../domain/fleet/gateway';
import { activeReplicaStates } from '../../domain/fleet/lifecycle';
import { retirementOf } from '../../domain/fleet/scaling';
import type { Cloud } from '../../drivers/cloud/cloud';
import type { Store } from '../../prisma/store';
import type { FleetPorts } from './ports';

/** A replica that is to be there, and the gateway that it belongs to. */
export interface Wanted {
  readonly replica: FleetReplica;
  readonly gateway: FleetGateway;
}

/** The replica's row. @throws Failure NOT_FOUND */
export async function replicaRow(store: Store, { organizationId, replicaId }: ReplicaRef): Promise<FleetReplica> {
  const replica = await store.fleet.replicas.get(organizationId, replicaId);
  if (!replica) throw new Failure('NOT_FOUND', `there is no replica ${replicaId}`);
  return replica;
}

/**
 * The replica, while somebody wants it: nothing is created or configured for one that is to go.
 * @throws Failure STATE_CONFLICT, not retryable, for any other.
 */
export async function wantedReplica(store: Store, ref: ReplicaRef): Promise<Wanted> {
  const replica = await replicaRow(store, ref);
  const gateway = await store.fleet.gateways.get(ref.organizationId, ref.gatewayId);
  if (gateway && activeReplicaStates.includes(replica.state) && retirementOf(gateway, replica) === null)
    return { replica, gateway };
  throw new Failure('STATE_CONFLICT', `replica ${ref.replicaId} is ${replica.state} and not wanted any more`, {
    data: { state: replica.state },
  });
}

/**
 * The backend that a replica's machine is in.
 * @throws Failure BACKEND_UNAVAILABLE. Retryable: what is in a backend that is gone from the configuration is not
 * forgotten, it waits until the backend is back, or a person decides.
 */
export function cloudOf({ clouds }: FleetPorts, { backend }: FleetReplica): Cloud {
  const cloud = clouds.get(backend);
  if (!cloud)
    throw new Failure('BACKEND_UNAVAILABLE', `the backend «${backend}» is not configured`, { retryable: true });
  return cloud;
}
