import { AllocationState } from '../domain/gateway/allocation';
import { Failure } from '../domain/failures';
import { backoff, type Database } from './database';
import { isUniqueViolation } from './failure';
import { Prisma } from './generated/sqlite/client';
import type { AllocationModel } from './generated/sqlite/models';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

export interface AllocateInput {
  readonly allocationId: string;
  readonly organizationId: string;
  readonly hostname: string;
  readonly runId: string;
  /** The allocation that is to be moved: the replica is taken for it, and the organization keeps the one it has. */
  readonly moves?: string;
}

/** How often to look again while every free replica is in the hands of a transaction that has not ended. */
const ATTEMPTS = 8;

/** @see Pool.allocate */
export async function allocate(database: Database, input: AllocateInput): Promise<AllocationModel> {
  for (let attempt = 1; ; attempt++) {
    try {
      const made = await database.together((statements) => take(database, statements, input));
      if (made) return made;
    } catch (error) {
      // The transaction is rolled back, the replica free again; the organization or the id is taken.
      if (!isUniqueViolation((error as Failure).cause)) throw error;
    }
    const present = await database.direct((statements) => classify(statements, input));
    if (present) return present;
    if (attempt >= ATTEMPTS || !(await database.direct(anyFree)))
      throw new Failure('POOL_EMPTY', undefined, { retryAfterMs: 5_000 });
    await backoff(attempt);
  }
}

/** Takes the replica that has been idle longest and enters the allocation; null when there is none to be had. */
async function take(database: Database, statements: Statements, input: AllocateInput): Promise<AllocationModel | null> {
  const now = new Date();
  // Others that allocate at the same moment take the next replica instead of waiting for this one.
  const skip = forUpdate(database, true);
  const [replica] = await statements.rows<{ id: string; epoch: number; address: string }>(Prisma.sql`
    UPDATE replica SET allocation_id = ${input.allocationId}, epoch = epoch + 1, resource_version = resource_version + 1
    WHERE id = (
      SELECT id FROM replica WHERE ready AND quarantined_at IS NULL AND withdrawn_at IS NULL AND allocation_id IS NULL
      ORDER BY idle_since, id LIMIT 1 ${skip}
    )
    RETURNING id, epoch, address`);
  if (!replica) return null;
  return await table<AllocationModel>(statements, 'allocation').create({
    data: {
      id: input.allocationId,
      organizationId: input.organizationId,
      openOrganizationId: input.moves === undefined ? input.organizationId : null,
      ...(input.moves !== undefined && { moves: input.moves, openMoves: input.moves }),
      replicaId: replica.id,
      openReplicaId: replica.id,
      epoch: replica.epoch,
      hostname: input.hostname,
      address: replica.address,
      state: AllocationState.starting,
      runId: input.runId,
      createdAt: now,
      resourceVersion: 1,
    },
  });
}

/**
 * Why an allocation could not be made: it is there already (and is returned), it was released, or the organization has
 * another, or another move of the same allocation is under way. Null when none of these holds.
 */
async function classify(statements: Statements, input: AllocateInput): Promise<AllocationModel | null> {
  // In one statement: the same allocation may come up in between, and would be taken for another.
  const open =
    input.moves === undefined
      ? Prisma.sql`open_organization_id = ${input.organizationId}`
      : Prisma.sql`open_moves = ${input.moves}`;
  const rows = await statements.rows<AllocationModel>(
    Prisma.sql`SELECT * FROM allocation WHERE id = ${input.allocationId} OR ${open}`,
  );
  const same = rows.find(({ id }) => id === input.allocationId);
  if (same?.state === AllocationState.released) throw new Failure('ALLOCATION_GONE');
  if (same && same.organizationId !== input.organizationId)
    throw new Failure('INVALID_INPUT', 'this allocation id is that of another organization');
  if (same) return same;
  const [other] = rows;
  if (!other) return null;
  const { id: allocationId, runId, state } = other;
  throw new Failure('ALLOCATION_BUSY', undefined, { data: { allocationId, runId, state } });
}

/** Whether there is a replica that {@link allocate} could take. */
export async function anyFree(statements: Statements): Promise<boolean> {
  const free = Prisma.sql`
    SELECT id FROM replica
    WHERE ready AND quarantined_at IS NULL AND withdrawn_at IS NULL AND allocation_id IS NULL LIMIT 1`;
  return (await statements.rows(free)).length > 0;
}
