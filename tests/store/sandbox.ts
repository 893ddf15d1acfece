import type { Client, Database } from '../../prisma/database';
import type { AllocationModel } from '../../prisma/generated/sqlite/models';
import { Versioned } from '../../prisma/versioned';

/** What a row of the cases says of a stored row. */
export interface SandboxRow {
  readonly id: string;
  readonly name: string;
  readonly scope?: string;
  readonly payload: string;
  readonly resource_version: number;
}

/**
 * A table to try compare-and-swap on: that of allocations, which has a payload that changes (the address), a name that
 * is unique beside the id (the replica held) and a scope (the organization).
 */
export function sandbox(database: Database) {
  const rows = new Versioned<AllocationModel, { id: string }>(database, {
    model: 'allocation',
    what: 'sandbox',
    identity: ['id', 'organizationId', 'openReplicaId'],
  });
  const values = (payload: string, name = 'sandbox-1', scope = 'scope-1'): Partial<AllocationModel> => ({
    openReplicaId: name,
    organizationId: scope,
    address: payload,
    state: 'starting',
    runId: 'run-1',
    createdAt: new Date(0),
  });
  return {
    rows,
    values,
    /** Puts a row in place as it stands, with its version. */
    async given({ id, name, scope, payload, resource_version: resourceVersion }: SandboxRow): Promise<void> {
      await database.run((client: Client) =>
        client.allocation.create({
          data: { ...(values(payload, name, scope) as AllocationModel), id, resourceVersion },
        }),
      );
    },
    async row(id: string): Promise<SandboxRow | null> {
      const found = await rows.find({ id });
      return (
        found && {
          id,
          name: found.openReplicaId!,
          scope: found.organizationId,
          payload: found.address,
          resource_version: found.resourceVersion,
        }
      );
    },
    async count(scope: string): Promise<number> {
      return await database.run((client) => client.allocation.count({ where: { organizationId: scope } }));
    },
  };
}
