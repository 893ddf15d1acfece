import { Failure, isFailure } from '../../domain/failures';
import type { GatewayActivities } from './activities';
import type { GatewayPorts } from './ports';

/** Making what is desired live, on the host of the edge. */
export function edgeSteps({ store, publishers }: GatewayPorts): Pick<GatewayActivities, 'publish' | 'noteEdgeBehind'> {
  return {
    async publish({ edge, revision }) {
      const publisher = publishers.get(edge);
      if (!publisher) throw new Failure('EDGE_UNREACHABLE', `this worker does not publish to edge ${edge}`);
      const { state, generation, coalesced } = await publisher.publish(revision);
      return { edge, state, generation, coalesced };
    },

    async noteEdgeBehind({ edge, reason }) {
      try {
        await store.edges.markBehind(edge, reason);
      } catch (error) {
        // Removed since: what it does not carry concerns nobody.
        if (!isFailure(error) || error.code !== 'NOT_FOUND') throw error;
      }
    },
  };
}
