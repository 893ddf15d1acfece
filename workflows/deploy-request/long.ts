import { workflowInfo } from '@temporalio/workflow';

/** Whether a history is so long that the workflow should go on with a new one, where nothing is under way. */
export function isLong(): boolean {
  return workflowInfo().continueAsNewSuggested;
}
