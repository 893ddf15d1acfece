import { condition, continueAsNew, setHandler } from '@temporalio/workflow';
import { replicaWorkflowId, rolloutRunId, type GatewayLife } from '../../domain/fleet/contract';
import { isLong } from '../saga/history';
import { fleetActivities } from './activities';
import { beginReplica, beginRollout } from './begin';
import { lookSignal, tell } from './signals';

/**
 * A gateway's life: whenever something changed, or a time has come, what it wants is compared with what it has, and the
 * replicas that are new get a workflow of their own. It never does a replica's work, and no replica waits for it.
 */
export async function gatewayLife(input: GatewayLife): Promise<void> {
  const { organizationId, gatewayId, policy, fleet } = input;
  const act = fleetActivities(policy, fleet);
  const started = new Set(input.started);
  const told = new Set<string>();
  let rolledOut = input.rolledOut ?? 0;
  let rolling = rolledOut;
  let wanted = false;
  setHandler(lookSignal, () => void (wanted = true));

  for (;;) {
    wanted = false;
    const { replicas, retiring, lookAgainInMs, rollout, over } = await act.state.reconcile({
      ...{ organizationId, gatewayId, fleet },
    });
    const fresh = replicas.filter((id) => !started.has(id));
    await Promise.all(fresh.map((replicaId) => beginReplica({ organizationId, gatewayId, replicaId, policy, fleet })));
    fresh.forEach((id) => started.add(id));
    const toTell = retiring.filter((id) => !told.has(id));
    await Promise.all(toTell.map((id) => tell(replicaWorkflowId(id))));
    toTell.forEach((id) => told.add(id));
    if (rolling > 0 && rollout?.number !== rolling) {
      // Over, or overtaken by another change of the profile: it need not be waited for any more.
      await tell(rolloutRunId(gatewayId, rolling));
      rolling = 0;
    }
    if (rollout && rollout.number > rolledOut) {
      await beginRollout({ organizationId, gatewayId, policy, fleet, ...rollout });
      rolling = rolledOut = rollout.number;
    }
    if (over) return;
    if (isLong(policy))
      await continueAsNew<typeof gatewayLife>({
        ...{ ...input, rolledOut },
        started: replicas.filter((id) => started.has(id)),
      });
    if (lookAgainInMs === null) await condition(() => wanted);
    else await condition(() => wanted, Math.max(lookAgainInMs, 1));
  }
}
