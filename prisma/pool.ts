import { timingSafeEqual } from 'node:crypto';
import { AllocationState, type Allocation, type Replica } from '../domain/gateway/allocation';
import { Failure } from '../domain/failures';
import { allocate, anyFree, type AllocateInput } from './allocate';
import type { Database } from './database';
import type { AllocationModel, ReplicaModel } from './generated/sqlite/models';
import { release, type ReleaseInput } from './release';
import { leavePool, withdrawFromPool } from './pool-places';
import { allocationOf, replicaOf } from './pool-rows';
import { mayBeServed } from './routes';
import type { Pool } from './store';
import { table } from './table';
import { Versioned } from './versioned';

/** {@link Pool} in the database. */
export class StoredPool implements Pool {
  private readonly rows: Versioned<ReplicaModel, { id: string }>;
  private readonly holds: Versioned<AllocationModel, { id: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, { model: 'replica', what: 'replica', identity: ['id'] });
    this.holds = new Versioned(database, {
      model: 'allocation',
      what: 'allocation',
      identity: ['id', 'organizationId', 'replicaId', 'hostname'],
    });
  }

  async register({ id, name, secretHash }: { id: string; name: string; secretHash: string }): Promise<Replica> {
    const now = new Date();
    const known = await this.rows.find({ id });
    if (known) {
      const same = known.name === name && known.secretHash === secretHash;
      return replicaOf(same ? known : await this.rows.putIf({ id }, 'Unconditional', { name, secretHash }));
    }
    try {
      return replicaOf(
        await this.rows.putIf({ id }, 'MustCreate', { name, secretHash, idleSince: now, createdAt: now }),
      );
    } catch (error) {
      if ((error as Failure).data?.['reason'] !== 'UniqueViolation') throw error;
      return replicaOf(await this.rows.get({ id })); // registered by another process meanwhile
    }
  }

  async announce(input: { id: string; secretHash: string; address: string; servingEpoch: number }): Promise<Replica> {
    const known = await this.rows.find({ id: input.id });
    if (!known || !sameHash(known.secretHash, input.secretHash))
      throw new Failure('FORBIDDEN', 'this is not the secret of a replica of that id');
    return replicaOf(
      await this.rows.update({ id: input.id }, async (row) => {
        const lift = row.quarantinedAt !== null && row.allocationId === null && !(await this.stillPointedAt(row));
        // An agent that serves a higher epoch has seen more than this store; the next allocation must be above both.
        const epoch = Math.max(row.epoch, input.servingEpoch);
        if (row.ready && row.address === input.address && row.epoch === epoch && !lift) return null;
        // Before it was ready it was not idle, and who has been idle longest is given away first.
        const idle = row.ready ? {} : { idleSince: new Date() };
        return { ready: true, address: input.address, epoch, ...idle, ...(lift && notQuarantined) };
      }),
    );
  }

  /** Whether some edge may still send the traffic of the allocation whose release quarantined a replica. */
  private async stillPointedAt({ quarantinedBy }: ReplicaModel): Promise<boolean> {
    return quarantinedBy !== null && (await this.database.run((client) => mayBeServed(client, quarantinedBy)));
  }

  async allocate(input: AllocateInput): Promise<Allocation> {
    return allocationOf(await allocate(this.database, input));
  }

  async move(allocationId: string, from: readonly AllocationState[], to: AllocationState): Promise<Allocation> {
    if (to === AllocationState.released) throw new Failure('INVALID_INPUT', 'an allocation ends by being released');
    const moved = await this.holds.update({ id: allocationId }, (row) => {
      if (row.state === to) return null;
      if (from.some((state) => state === row.state)) return { state: to };
      throw new Failure('STATE_CONFLICT', `the allocation is ${row.state}, which does not become ${to}`, {
        data: { state: row.state },
      });
    });
    return allocationOf(moved);
  }

  async release(input: ReleaseInput): Promise<void> {
    await release(this.database, input);
  }

  async quarantine(replicaId: string, reason: string): Promise<void> {
    await this.rows.update({ id: replicaId }, (row) => ({
      quarantinedAt: row.quarantinedAt ?? new Date(),
      quarantineReason: reason,
      quarantinedBy: null, // no release may lift what was decided elsewhere
    }));
  }

  async readmit(replicaId: string, version?: number): Promise<Replica> {
    const back = (row: ReplicaModel): Partial<ReplicaModel> | null => {
      if (row.allocationId !== null)
        throw new Failure('STATE_CONFLICT', `allocation ${row.allocationId} holds this replica`, {
          data: { allocationId: row.allocationId },
        });
      return row.quarantinedAt === null ? null : notQuarantined;
    };
    return replicaOf(await this.rows.update({ id: replicaId }, back, version));
  }

  async withdraw(replicaId: string): Promise<void> {
    await this.database.direct((statements) => withdrawFromPool(statements, replicaId));
  }

  async unregister(replicaId: string, moving?: string): Promise<boolean> {
    return await this.database.together((statements) => leavePool(statements, replicaId, moving));
  }

  async allocation(id: string): Promise<Allocation | null> {
    const row = await this.holds.find({ id });
    return row && row.replicaId !== null && row.moves === null ? allocationOf(row) : null;
  }

  async openAllocation(organizationId: string): Promise<Allocation | null> {
    const row = await this.database.direct((statements) =>
      table<AllocationModel>(statements, 'allocation').findFirst({ where: { openOrganizationId: organizationId } }),
    );
    return row && allocationOf(row);
  }

  async allocations(filter: {
    organizationId?: string;
    open?: boolean;
    limit: number;
    before?: string;
  }): Promise<Allocation[]> {
    const last = filter.before === undefined ? null : await this.holds.find({ id: filter.before });
    const rows = await this.database.run((client) =>
      client.allocation.findMany({
        where: {
          replicaId: { not: null },
          moves: null,
          ...(filter.organizationId !== undefined && { organizationId: filter.organizationId }),
          ...(filter.open !== undefined && { openOrganizationId: filter.open ? { not: null } : null }),
          ...(last && {
            OR: [{ createdAt: { lt: last.createdAt } }, { createdAt: last.createdAt, id: { lt: last.id } }],
          }),
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: filter.limit,
      }),
    );
    return rows.map(allocationOf);
  }

  async replicas(): Promise<Replica[]> {
    const rows = await this.database.run((client) =>
      client.replica.findMany({ orderBy: [{ name: 'asc' }, { id: 'asc' }] }),
    );
    return rows.map(replicaOf);
  }

  async replica(id: string): Promise<Replica | null> {
    const row = await this.rows.find({ id });
    return row && replicaOf(row);
  }

  async hasFree(): Promise<boolean> {
    return await this.database.direct(anyFree);
  }
}

const notQuarantined = { quarantinedAt: null, quarantineReason: null, quarantinedBy: null };

function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
