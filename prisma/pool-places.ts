import { Failure } from '../domain/failures';
import { Prisma } from './generated/sqlite/client';
import type { Statements } from './statements';

/*
 * How the replicas of gateways come into the pool and leave it; each is part of a transaction. A replica leaves in two
 * steps: first nobody is given it any more, then, when nobody holds it, its row goes.
 */

/** Puts a replica into the pool as one that announced itself, also where it was withdrawn before. */
export async function enterPool(
  statements: Statements,
  { id, name, secretHash, address }: { id: string; name: string; secretHash: string; address: string },
): Promise<void> {
  const now = new Date();
  await statements.change(Prisma.sql`
    INSERT INTO replica (id, name, secret_hash, address, ready, idle_since, created_at)
    VALUES (${id}, ${name}, ${secretHash}, ${address}, ${true}, ${now}, ${now})
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash,
      address = excluded.address, ready = excluded.ready, withdrawn_at = NULL,
      resource_version = replica.resource_version + 1`);
}

/** Lets nobody be given a replica any more; whoever holds it keeps it. Nothing where it is not in the pool. */
export async function withdrawFromPool(statements: Statements, id: string): Promise<void> {
  await statements.change(Prisma.sql`
    UPDATE replica SET withdrawn_at = ${new Date()}, resource_version = resource_version + 1
    WHERE id = ${id} AND withdrawn_at IS NULL`);
}

/**
 * Removes a replica from the pool. @returns whether it was there.
 * @throws Failure STATE_CONFLICT (data: allocationId) while an allocation other than `moving` holds it.
 */
export async function leavePool(statements: Statements, id: string, moving: string | undefined): Promise<boolean> {
  const free = moving === undefined ? Prisma.empty : Prisma.sql`OR allocation_id = ${moving}`;
  const removed = await statements.change(
    Prisma.sql`DELETE FROM replica WHERE id = ${id} AND (allocation_id IS NULL ${free})`,
  );
  if (removed > 0) return true;
  const [held] = await statements.rows<{ allocationId: string }>(
    Prisma.sql`SELECT allocation_id FROM replica WHERE id = ${id}`,
  );
  if (!held) return false;
  throw new Failure('STATE_CONFLICT', `allocation ${held.allocationId} holds this replica`, {
    data: { allocationId: held.allocationId },
  });
}
