import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { GatewayActivities, Slot } from '../activities/gateway/activities';
import type { Placement } from '../domain/gateway/contract';
import { bareEdgeQueue, type BareStart } from './bare-contract';

/** The steps of a start as activities in the same places, in a plain workflow: what Temporal alone costs. */
export async function bareStart(input: BareStart): Promise<Slot> {
  const { organizationId, allocationId, zone, placements, stepTimeoutMs, edgeDeadlineMs } = input;
  const ref = { organizationId, allocationId, zone };
  const placed = (placement: Placement): GatewayActivities =>
    placement === 'local'
      ? proxyLocalActivities<GatewayActivities>({ startToCloseTimeout: stepTimeoutMs })
      : proxyActivities<GatewayActivities>({ startToCloseTimeout: stepTimeoutMs });
  const slot = await placed(placements.store).allocate(ref);
  await placed(placements.dns).registerDns(ref);
  const { edges, revision } = await placed(placements.store).writeRoute(ref);
  await Promise.all(
    edges.map((edge) =>
      proxyActivities<GatewayActivities>({
        taskQueue: bareEdgeQueue(edge),
        startToCloseTimeout: edgeDeadlineMs,
        heartbeatTimeout: '3s',
      }).publish({ edge, revision }),
    ),
  );
  await placed(placements.handshake).handshake(ref);
  return slot;
}
