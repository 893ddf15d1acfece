import { AllocationState, type Allocation } from '../domain/gateway/allocation';
import { Failure } from '../domain/failures';
import { allocate } from './allocate';
import { Counter, raise } from './counters';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { AllocationModel, RouteModel } from './generated/sqlite/models';
import type { MoveKey, Moves } from './move-store';
import { allocationOf } from './pool-rows';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** A move and the allocation that it moves. */
interface Pair {
  readonly move: AllocationModel;
  readonly allocation: AllocationModel;
}

/** {@link Moves} in the database. */
export class StoredMoves implements Moves {
  constructor(private readonly database: Database) {}

  async reserve(move: {
    moveId: string;
    allocationId: string;
    organizationId: string;
    hostname: string;
    runId: string;
  }): Promise<Allocation> {
    const { moveId, allocationId: moves, ...rest } = move;
    return allocationOf(await allocate(this.database, { ...rest, allocationId: moveId, moves }));
  }

  async find(moveId: string): Promise<Allocation | null> {
    const row = await this.database.direct((statements) =>
      table<AllocationModel>(statements, 'allocation').findFirst({ where: { id: moveId } }),
    );
    return row && row.replicaId !== null ? allocationOf(row) : null;
  }

  async exchange(key: MoveKey): Promise<{ revision: number }> {
    return await this.change(key, async (statements, pair) => {
      const { move, allocation } = pair;
      if (move.state !== AllocationState.starting) {
        if (move.state !== AllocationState.released && !isAt(allocation, key)) return await present(statements, key);
        throw new Failure('ALLOCATION_GONE', 'this move was taken back');
      }
      if (allocation.state !== AllocationState.live || !isAt(allocation, key))
        throw new Failure('STATE_CONFLICT', `the allocation is ${allocation.state}, and not to be moved from there`, {
          data: { state: allocation.state },
        });
      await swap(statements, pair);
      return await reroute(statements, pair);
    });
  }

  async giveBack(key: MoveKey): Promise<{ revision: number }> {
    return await this.change(key, async (statements, pair) => {
      const { move, allocation } = pair;
      if (move.state === AllocationState.starting) await mark(statements, move);
      const back = allocation.state === AllocationState.live && !isAt(allocation, key);
      if (move.state !== AllocationState.stopping || !back) return await present(statements, key);
      await swap(statements, pair);
      return await reroute(statements, pair);
    });
  }

  /** Decides on both rows while nobody else changes them, or any route. */
  private async change(
    { moveId, allocationId }: MoveKey,
    act: (statements: Statements, pair: Pair) => Promise<{ revision: number }>,
  ): Promise<{ revision: number }> {
    return await this.database.together(async (statements) => {
      await raise(statements, Counter.routeRevision, 0);
      const allocation = await this.locked(statements, allocationId);
      const move = await this.locked(statements, moveId);
      if (!allocation || !move || move.moves !== allocationId)
        throw new Failure('ALLOCATION_GONE', 'there is no such move of this allocation');
      return await act(statements, { move, allocation });
    });
  }

  /** A row that stays as it is until the transaction ends. */
  private async locked(statements: Statements, id: string): Promise<AllocationModel | undefined> {
    const [row] = await statements.rows<AllocationModel>(
      Prisma.sql`SELECT * FROM allocation WHERE id = ${id} ${forUpdate(this.database)}`,
    );
    return row;
  }
}

const raised = { resourceVersion: { increment: 1 } };

/** Whether the allocation is where it is, or was, to be moved away from. */
function isAt({ replicaId, epoch }: AllocationModel, { from }: MoveKey): boolean {
  return replicaId === from.replicaId && epoch === from.epoch;
}

async function mark(statements: Statements, { id }: AllocationModel): Promise<void> {
  await table<AllocationModel>(statements, 'allocation').updateManyAndReturn({
    where: { id },
    data: { state: AllocationState.stopping, ...raised },
  });
}

/** Each gets what the other holds. Neither has a replica in between, because no replica may be held twice. */
async function swap(statements: Statements, { move, allocation }: Pair): Promise<void> {
  const rows = table<AllocationModel>(statements, 'allocation');
  const replicas = table<{ id: string }>(statements, 'replica');
  const place = ({ replicaId, epoch, address }: AllocationModel): Partial<AllocationModel> => ({
    ...{ replicaId, openReplicaId: replicaId, epoch, address },
  });
  await rows.updateManyAndReturn({ where: { id: move.id }, data: { openReplicaId: null } });
  await rows.updateManyAndReturn({ where: { id: allocation.id }, data: { ...place(move), ...raised } });
  await rows.updateManyAndReturn({
    where: { id: move.id },
    data: { ...place(allocation), state: AllocationState.stopping, ...raised },
  });
  const hold = async (replicaId: string | null, allocationId: string | null): Promise<void> => {
    const data = { allocationId, ...raised };
    await replicas.updateManyAndReturn({ where: { id: replicaId }, data });
  };
  await hold(move.replicaId, null);
  await hold(allocation.replicaId, move.id);
  await hold(move.replicaId, allocation.id);
}

/**
 * Has the host name lead to the replica that the allocation has now. The move gets the tombstone of the address that is
 * left: it says until when an edge may still send traffic to the replica that the move has now.
 */
async function reroute(statements: Statements, { move, allocation }: Pair): Promise<{ revision: number }> {
  // Two: the last of the address that is left, and the first of the other.
  const revision = await raise(statements, Counter.routeRevision, 2);
  const routes = table<RouteModel>(statements, 'route');
  const changedAt = new Date();
  const { hostname, address } = allocation;
  await routes.deleteMany({ where: { allocationId: move.id } });
  await routes.create({
    data: {
      ...{ allocationId: move.id, hostname, address, removed: true, liveHostname: null, changedAt },
      ...{ revision: revision - 1, resourceVersion: 1 },
    },
  });
  const [route] = await routes.updateManyAndReturn({
    where: { allocationId: allocation.id, removed: false },
    data: { address: move.address, revision, changedAt, ...raised },
  });
  if (!route) throw new Failure('STATE_CONFLICT', 'the allocation has no route', { data: { state: allocation.state } });
  return { revision };
}

/** The revision of the allocation's route, or of its removal. */
async function present(statements: Statements, { allocationId }: MoveKey): Promise<{ revision: number }> {
  const row = await table<RouteModel>(statements, 'route').findFirst({ where: { allocationId } });
  return { revision: Number(row?.revision ?? 0) };
}
