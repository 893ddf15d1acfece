import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import { DeployWorkflow } from '../../domain/deploy/contract';
import { searchAttributes } from '../../domain/gateway/contract';
import { operationRunId, type OperationLife } from '../../domain/rollout/contract';
import { runAttributes } from '../fleet/attributes';
import { requestAttributes, type Identified } from './attributes';

/** A worker that dies with a workflow task is noticed then; as with whatever the API begins. */
const WORKFLOW_TASK_TIMEOUT = '4s';

/** Begins the workflow of an operation, unless that was done before. It goes on when its request's workflow does not. */
export async function beginOperation(life: OperationLife, identified: Identified): Promise<void> {
  const { organizationId } = life;
  try {
    await startChild(DeployWorkflow.operation, {
      workflowId: operationRunId(life),
      args: [life],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      // One that was ended by hand before it said a word is begun again; the store refuses any other that is over.
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      typedSearchAttributes: [
        ...runAttributes(DeployWorkflow.operation, organizationId),
        // As the saga would say it at once: there may be very many.
        { key: defineSearchAttributeKey('SagaState', searchAttributes.SagaState), value: 'running' },
        ...requestAttributes(identified),
      ],
      staticSummary: `Deploy request ${life.number} on one of its deployments`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
