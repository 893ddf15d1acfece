import { Failure } from '../../domain/failures';
import type { FleetGateway, FleetReplica } from '../../domain/fleet/gateway';
import { ReplicaState } from '../../domain/fleet/lifecycle';
import { provisioningStatus, replicaStatus } from '../../domain/fleet/messages';
import { retirementOf } from '../../domain/fleet/scaling';
import type { Because } from './activities';

/** Why a replica goes, for people: what failed, or who wants it gone. Null where neither is known. */
export function statusOf(replica: FleetReplica, gateway: FleetGateway | null, because?: Because): string | null {
  const reason = gateway && retirementOf(gateway, replica);
  if (reason) return replicaStatus[reason];
  if (!because || because.error.code === 'CANCELLED') return null;
  const { code, message } = because.error;
  return provisioningStatus(because.step ?? '', code === 'INTERNAL' ? undefined : new Failure(code, message));
}

/** How a replica goes that is to go: one that nothing was ever made for is over at once. */
export function wayOut({ state, createPendingAt }: FleetReplica): 'drop' | 'retire' {
  return state === ReplicaState.submitted && createPendingAt === null ? 'drop' : 'retire';
}
