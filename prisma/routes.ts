import { Failure } from '../domain/failures';
import type { Route } from '../domain/gateway/allocation';
import { Counter, raise, valueOf } from './counters';
import type { Client, Database } from './database';
import { isUniqueViolation } from './failure';
import { Prisma } from './generated/sqlite/client';
import type { AllocationModel, RouteModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import type { Routes } from './store';
import { table } from './table';

/** What a change makes of a route, or `keep`. */
type Change = { readonly hostname: string; readonly address: string; readonly removed: boolean } | 'keep';

/** {@link Routes} in the database. Every change raises one counter first, which puts all changes in commit order. */
export class StoredRoutes implements Routes {
  constructor(private readonly database: Database) {}

  async write({
    allocationId,
    hostname,
    address,
  }: {
    allocationId: string;
    hostname: string;
    address: string;
  }): Promise<{ revision: number }> {
    return await this.change(allocationId, (present) => {
      if (!present) return { hostname, address, removed: false };
      if (present.removed) throw new Failure('ALLOCATION_GONE', 'the route of this allocation was removed');
      if (present.hostname === hostname && present.address === address) return 'keep';
      throw new Failure('CONFLICT', 'this allocation has another route', {
        retryable: false,
        data: { reason: 'DifferentRoute' },
      });
    });
  }

  async remove(allocationId: string): Promise<{ revision: number }> {
    return await this.change(allocationId, (present) => {
      if (present?.removed) return 'keep';
      return { hostname: present?.hostname ?? '', address: present?.address ?? '', removed: true };
    });
  }

  async restore(allocationId: string): Promise<{ revision: number }> {
    return await this.change(allocationId, async (present, statements) => {
      if (!present || present.hostname === '')
        throw new Failure('NOT_FOUND', 'there never was a route of this allocation');
      if (!present.removed) return 'keep';
      const allocation = await table<AllocationModel>(statements, 'allocation').findFirst({
        where: { id: allocationId },
      });
      if (!allocation?.openOrganizationId) throw new Failure('ALLOCATION_GONE');
      return { hostname: present.hostname, address: present.address, removed: false };
    });
  }

  async route(allocationId: string): Promise<Route | null> {
    const row = await this.database.direct((statements) => present(statements, allocationId));
    return row && routeOf(row);
  }

  async changesSince(revision: number): Promise<Route[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<RouteModel>(Prisma.sql`SELECT * FROM route WHERE revision > ${revision} ORDER BY revision`),
    );
    return rows.map(routeOf);
  }

  async head(): Promise<number> {
    return await this.database.direct((statements) => valueOf(statements, Counter.routeRevision));
  }

  async prune(ageMs: number): Promise<number> {
    return await this.database.run(async (client) => {
      const { _min: passed } = await client.edge.aggregate({ _min: { liveRevision: true } });
      const { count } = await client.route.deleteMany({
        where: {
          removed: true,
          changedAt: { lt: new Date(Date.now() - ageMs) },
          ...(passed.liveRevision !== null && { revision: { lte: passed.liveRevision } }),
        },
      });
      return count;
    });
  }

  /** Decides on what is there, and writes that under the next revision. A change that keeps everything costs one read. */
  private async change(
    allocationId: string,
    decide: (present: RouteModel | null, statements: Statements) => Change | Promise<Change>,
  ): Promise<{ revision: number }> {
    const before = await this.database.direct(async (statements) => {
      const row = await present(statements, allocationId);
      return (await decide(row, statements)) === 'keep' ? row : null;
    });
    if (before) return { revision: Number(before.revision) };
    try {
      return await this.database.together(async (statements) => {
        const revision = await raise(statements, Counter.routeRevision, 1);
        const row = await present(statements, allocationId);
        const change = await decide(row, statements);
        if (change === 'keep') return { revision: Number(row!.revision) };
        const data = {
          ...change,
          liveHostname: change.removed ? null : change.hostname,
          revision,
          changedAt: new Date(),
        };
        const routes = table<RouteModel>(statements, 'route');
        if (row)
          await routes.updateManyAndReturn({
            where: { allocationId },
            data: { ...data, resourceVersion: { increment: 1 } },
          });
        else await routes.create({ data: { ...data, allocationId, resourceVersion: 1 } });
        return { revision };
      });
    } catch (error) {
      if (!isUniqueViolation((error as Failure).cause)) throw error;
      throw new Failure('CONFLICT', 'another allocation has a route for this host', {
        data: { reason: 'HostTaken' },
        cause: error,
      });
    }
  }
}

async function present(statements: Statements, allocationId: string): Promise<RouteModel | null> {
  return await table<RouteModel>(statements, 'route').findFirst({ where: { allocationId } });
}

/** Whether an edge may still send traffic to an allocation: its route is there, or its removal is not live everywhere. */
export async function mayBeServed(client: Client, allocationId: string): Promise<boolean> {
  const route = await client.route.findUnique({ where: { allocationId } });
  if (!route || route.hostname === '') return false;
  if (!route.removed) return true;
  return (
    (await client.edge.findFirst({ where: { liveRevision: { lt: route.revision } }, select: { name: true } })) !== null
  );
}

function routeOf({ allocationId, hostname, address, removed, revision }: RouteModel): Route {
  return { allocationId, hostname, address, removed, revision: Number(revision) };
}
