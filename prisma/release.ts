import { AllocationState } from '../domain/gateway/allocation';
import { Failure } from '../domain/failures';
import { backoff, type Client, type Database } from './database';
import type { AllocationModel } from './generated/sqlite/models';

export interface ReleaseInput {
  readonly allocationId: string;
  readonly organizationId: string;
  readonly runId: string;
  /** Why the replica is not to be given to anybody yet. */
  readonly quarantine?: string;
}

/** How often to look again while an allocation with this id is being made. */
const ATTEMPTS = 5;

/** @see Pool.release */
export async function release(database: Database, input: ReleaseInput): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await database.transaction((client) => releaseOnce(client, input))) return;
    await backoff(attempt);
  }
  throw new Failure('CONFLICT', 'the allocation is being made at this moment', { data: { reason: 'Allocating' } });
}

/** False when an allocation with this id came up in the middle of it. */
async function releaseOnce(client: Client, input: ReleaseInput): Promise<boolean> {
  const now = new Date();
  const [ended] = await client.allocation.updateManyAndReturn({
    where: { id: input.allocationId, state: { not: AllocationState.released } },
    data: {
      state: AllocationState.released,
      openOrganizationId: null,
      openReplicaId: null,
      openMoves: null,
      releasedAt: now,
      resourceVersion: { increment: 1 },
    },
  });
  if (ended) {
    await free(client, ended, input.quarantine, now);
    return true;
  }
  const before = await client.allocation.findUnique({ where: { id: input.allocationId } });
  if (before?.state === AllocationState.released) {
    await again(client, before, input.quarantine, now);
    return true;
  }
  return before === null && (await leaveTombstone(client, input, now));
}

/** Gives the replica back, unless a later allocation has it. What others quarantined stays so. */
async function free(
  client: Client,
  { id, replicaId, epoch }: AllocationModel,
  reason: string | undefined,
  now: Date,
): Promise<void> {
  if (replicaId === null) return;
  await client.replica.updateMany({
    where: { id: replicaId, allocationId: id, epoch },
    data: { allocationId: null, idleSince: now, resourceVersion: { increment: 1 } },
  });
  if (reason !== undefined) await quarantine(client, { id, replicaId, epoch }, reason, now);
}

/** A repeat: sets the quarantine that the first release did not, gives the one that it set its present reason, or lifts it. */
async function again(
  client: Client,
  { id, replicaId, epoch }: AllocationModel,
  reason: string | undefined,
  now: Date,
): Promise<void> {
  if (replicaId === null) return;
  const mine = { id: replicaId, epoch, allocationId: null, quarantinedBy: id };
  if (reason !== undefined) {
    await client.replica.updateMany({
      where: { ...mine, quarantineReason: { not: reason } },
      data: { quarantineReason: reason, resourceVersion: { increment: 1 } },
    });
    return await quarantine(client, { id, replicaId, epoch }, reason, now);
  }
  await client.replica.updateMany({
    where: mine,
    data: { quarantinedAt: null, quarantineReason: null, quarantinedBy: null, resourceVersion: { increment: 1 } },
  });
}

async function quarantine(
  client: Client,
  hold: { id: string; replicaId: string; epoch: number },
  reason: string,
  now: Date,
): Promise<void> {
  await client.replica.updateMany({
    where: { id: hold.replicaId, epoch: hold.epoch, allocationId: null, quarantinedAt: null },
    data: { quarantinedAt: now, quarantineReason: reason, quarantinedBy: hold.id, resourceVersion: { increment: 1 } },
  });
}

/** Keeps a late `allocate` with this id from succeeding. */
async function leaveTombstone(client: Client, input: ReleaseInput, now: Date): Promise<boolean> {
  const count = await client.$executeRaw`
    INSERT INTO allocation (id, organization_id, state, run_id, created_at, released_at, resource_version)
    VALUES (${input.allocationId}, ${input.organizationId}, ${AllocationState.released}, ${input.runId}, ${now}, ${now}, 1)
    ON CONFLICT (id) DO NOTHING`;
  return count > 0;
}
