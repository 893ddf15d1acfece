import type { GatewayActivities, RouteChange } from './activities';
import { heldAllocation } from './held';
import { isLeftover } from './leftover';
import type { GatewayPorts } from './ports';

type RouteSteps = Pick<GatewayActivities, 'writeRoute' | 'removeRoute' | 'restoreRoute'>;

/** The desired route of an allocation. What is written here reaches tenants with the next generation of each edge. */
export function routeSteps({ store }: GatewayPorts): RouteSteps {
  /** Edges that are known to be behind are made right by their own workers and hold nobody up. */
  const present = async ({ revision }: { revision: number }): Promise<RouteChange> => {
    const edges = await store.edges.list();
    const upToDate = edges.filter((edge) => edge.behindSince === null);
    return { revision, edges: (upToDate.length > 0 ? upToDate : edges).map((edge) => edge.name) };
  };

  return {
    async writeRoute({ allocationId }) {
      const { hostname, address } = await heldAllocation(store, allocationId);
      return present(await store.routes.write({ allocationId, hostname, address }));
    },

    async removeRoute({ allocationId }) {
      const { revision } = await store.routes.remove(allocationId);
      return { revision, edges: (await store.edges.list()).map((edge) => edge.name) };
    },

    async restoreRoute({ allocationId }) {
      const leftover = await isLeftover(store, await heldAllocation(store, allocationId));
      return present(await (leftover ? store.routes.remove(allocationId) : store.routes.restore(allocationId)));
    },
  };
}
