import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import { branchRunId, DeployWorkflow, type BranchLife, type DeployLife } from '../../domain/deploy/contract';
import { runAttributes } from '../fleet/attributes';
import type { DeployProxies } from './activities';

/** Does what follows from a deploy that has ended: its branch goes on from there, or is deleted. */
export async function conclude(life: DeployLife, act: DeployProxies, reverted: boolean): Promise<void> {
  const { organizationId, databaseId, requestId, number, policy, deploy } = life;
  const { deletes } = await act.store.conclude({ organizationId, databaseId, requestId, number, reverted });
  if (deletes === null) return;
  const branch: BranchLife = { organizationId, databaseId, branchId: deletes, policy, deploy };
  try {
    await startChild(DeployWorkflow.deleteBranch, {
      workflowId: branchRunId('delete', deletes),
      args: [branch],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: runAttributes(DeployWorkflow.deleteBranch, organizationId),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
