import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import {
  FleetWorkflow,
  gatewayWorkflowId,
  replicaWorkflowId,
  type GatewayLife,
  type ReplicaLife,
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

/** A life of its own: it goes on when whoever began it ends. */
async function begin(type: string, workflowId: string, life: GatewayLife | ReplicaLife): Promise<void> {
  try {
    await startChild(type, {
      workflowId,
      args: [life],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      typedSearchAttributes: runAttributes(type, life.organizationId),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
