import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  WorkflowIdReusePolicy,
  type ChildWorkflowOptions,
} from '@temporalio/workflow';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  provisionRunId,
  retireRunId,
  type ReplicaLife,
} from '../../domain/fleet/contract';
import { failureView, isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import { fleetActivities, type FleetProxies } from './activities';
import { runAttributes } from './attributes';
import { lookSignal, tell } from './signals';

/**
 * A replica's life: it is provisioned, serves while it is healthy, and is retired. The stored row says where it stands;
 * this workflow only makes the next thing happen, and tells the gateway when something did. Retiring never waits for
 * provisioning: that is cancelled, which takes it back.
 */
export async function replicaLife(input: ReplicaLife): Promise<void> {
  const { organizationId, gatewayId, replicaId, policy, fleet } = input;
  const ref = { organizationId, gatewayId, replicaId };
  const act = fleetActivities(policy, fleet);
  const look = new Look();

  for (;;) {
    look.wanted = false;
    const stage = await act.state.stage(ref);
    if (stage === 'over') break;
    if (stage === 'serve') await serve(act, look, input);
    else await settled(act, ref, () => (stage === 'retire' ? retire(input) : provision(act, look, input)));
    await tell(gatewayWorkflowId(gatewayId));
    if (isLong(policy)) await continueAsNew<typeof replicaLife>(input);
  }
  await tell(gatewayWorkflowId(gatewayId));
}

type Ref = Pick<ReplicaLife, 'organizationId' | 'gatewayId' | 'replicaId'>;

/** Whether somebody asked for a look since the last one. */
class Look {
  wanted = false;

  constructor() {
    setHandler(lookSignal, () => void (this.wanted = true));
  }
}

/** Runs a saga of the replica's. However it failed, the replica is over then: taken back, or given up by a person. */
async function settled(act: FleetProxies, ref: Ref, saga: () => Promise<void>): Promise<void> {
  try {
    await saga();
  } catch (error) {
    if (!isRunFailure(error)) throw error;
    await act.state.settle({ ...ref, leftBehind: ['its last run'] });
  }
}

async function provision(act: FleetProxies, look: Look, input: ReplicaLife): Promise<void> {
  const { organizationId, gatewayId, replicaId } = input;
  await untilRetired(act, look, { organizationId, gatewayId, replicaId }, () =>
    child(FleetWorkflow.provision, provisionRunId(replicaId), input),
  );
}

async function retire(input: ReplicaLife): Promise<void> {
  await child(FleetWorkflow.retire, retireRunId(input.replicaId), input);
}

/** Watches the replica until its health fails or it is told to go. */
async function serve(
  act: FleetProxies,
  look: Look,
  { organizationId, gatewayId, replicaId, fleet }: ReplicaLife,
): Promise<void> {
  const ref = { organizationId, gatewayId, replicaId };
  const reason = await untilRetired(act, look, ref, () => act.watch.watch({ ...ref, fleet })).then(
    ({ unhealthy }) => unhealthy,
    (error: unknown) => {
      if (!isRunFailure(error)) throw error;
      return isCancellation(error) ? undefined : failureView(error).message;
    },
  );
  // It may have been told to go before it was watched.
  if (reason !== undefined && (await act.state.stage(ref)) === 'serve') await act.state.withdraw({ ...ref, reason });
}

/** Does what a replica that is told to go needs no more: then it is cancelled, and waited for. */
async function untilRetired<T>(act: FleetProxies, look: Look, ref: Ref, work: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope();
  let over = false;
  const working = scope.run(work).finally(() => (over = true));
  const watching = (async () => {
    for (;;) {
      await condition(() => look.wanted || over);
      if (over) return;
      look.wanted = false;
      if ((await act.state.stage(ref)) === 'retire') return scope.cancel();
    }
  })();
  const [result] = await Promise.all([working, watching]);
  return result;
}

async function child(type: 'fleet.provision' | 'fleet.retire', workflowId: string, input: ReplicaLife): Promise<void> {
  const options: ChildWorkflowOptions = {
    workflowId,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    typedSearchAttributes: runAttributes(type, input.organizationId),
  };
  await executeChild(type, { ...options, args: [input] });
}
