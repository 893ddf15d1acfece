import { defineSignal, getExternalWorkflowHandle } from '@temporalio/workflow';

/** Tells a gateway's or replica's workflow that the store says something new: look at it now. */
export const lookSignal = defineSignal('look');

/** Has a rollout taken back, while it is under way and for as long after it as its policy says. */
export const revertSignal = defineSignal('revert');

/** Ends the time in which a rollout can be taken back. */
export const skipRevertSignal = defineSignal('skip-revert');

/** Sends {@link lookSignal}. A workflow that is over, or not there yet, needs none: it looks when it begins. */
export async function tell(workflowId: string): Promise<void> {
  await getExternalWorkflowHandle(workflowId)
    .signal(lookSignal)
    .catch(() => undefined);
}
