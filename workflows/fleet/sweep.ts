import { replicaWorkflowId, type Sweep, type SweepReport } from '../../domain/fleet/contract';
import { fleetActivities } from './activities';
import { beginGateway, beginReplica } from './begin';
import { tell } from './signals';

/**
 * Puts right what no workflow would: destroys machines that belong to nobody, has replicas replaced whose machine is
 * gone, and gives those a workflow that have none. A dry run only says what it would do.
 */
export async function sweepFleet({ dryRun, policy, fleet }: Sweep): Promise<SweepReport> {
  const act = fleetActivities(policy, fleet);
  const report = await act.boot.sweep({ dryRun, fleet });
  if (dryRun) return report;
  await Promise.all(report.lost.map(({ replicaId }) => tell(replicaWorkflowId(replicaId))));
  const { gateways, replicas } = await act.state.findIdle();
  await Promise.all(gateways.map((ref) => beginGateway({ ...ref, policy, fleet })));
  await Promise.all(replicas.map((ref) => beginReplica({ ...ref, policy, fleet })));
  return report;
}
