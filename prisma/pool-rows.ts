import type { Allocation, AllocationState, Replica } from '../domain/gateway/allocation';
import type { AllocationModel, ReplicaModel } from './generated/sqlite/models';

/** A stored allocation as the rest of Gatewright sees it. */
export function allocationOf(row: AllocationModel): Allocation {
  return {
    id: row.id,
    organizationId: row.organizationId,
    replicaId: row.replicaId ?? '',
    epoch: row.epoch,
    hostname: row.hostname,
    address: row.address,
    state: row.state as AllocationState,
    runId: row.runId,
    createdAt: row.createdAt,
    releasedAt: row.releasedAt,
    resourceVersion: row.resourceVersion,
  };
}

/** A stored replica as the rest of Gatewright sees it, without the hash of its secret. */
export function replicaOf(row: ReplicaModel): Replica {
  return {
    id: row.id,
    name: row.name,
    address: row.address,
    epoch: row.epoch,
    ready: row.ready,
    quarantinedAt: row.quarantinedAt,
    quarantineReason: row.quarantineReason,
    allocationId: row.allocationId,
    withdrawnAt: row.withdrawnAt,
    resourceVersion: row.resourceVersion,
  };
}
