import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  replicaWorkflowId,
  rolloutRunId,
  type GatewayLife,
  type ReplicaLife,
  type Rollout,
} from '../../domain/fleet/contract';
import { runAttributes } from './attributes';

/** Gives a gateway its workflow, unless it has one. */
export async function beginGateway(life: GatewayLife): Promise<void> {
  await begin(FleetWorkflow.gateway, gatewayWorkflowId(life.gatewayId), life);
}

/** Gives a replica its workflow, unless it has one. */
export async function beginReplica(life: ReplicaLife): Promise<void> {
  await begin(FleetWorkflow.replica, replicaWorkflowId(life.replicaId), life);
}

/** Has a change of a gateway's profile rolled out, unless that was begun before. */
export async function beginRollout(rollout: Rollout): Promise<void> {
  const workflowId = rolloutRunId(rollout.gatewayId, rollout.number);
  // One that was ended by hand in Temporal may be begun again.
  await begin(FleetWorkflow.rollout, workflowId, rollout, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY);
}

/** A life of its own: it goes on when whoever began it ends. */
async function begin(
  type: string,
  workflowId: string,
  life: GatewayLife | ReplicaLife | Rollout,
  workflowIdReusePolicy: WorkflowIdReusePolicy = WorkflowIdReusePolicy.ALLOW_DUPLICATE,
): Promise<void> {
  try {
    await startChild(type, {
      workflowId,
      args: [life],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy,
      typedSearchAttributes: runAttributes(type, life.organizationId),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
