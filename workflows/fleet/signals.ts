import { defineSignal, getExternalWorkflowHandle } from '@temporalio/workflow';

/** Tells a gateway's or replica's workflow that the store says something new: look at it now. */
export const lookSignal = defineSignal('look');

/** Sends {@link lookSignal}. A workflow that is over, or not there yet, needs none: it looks when it begins. */
export async function tell(workflowId: string): Promise<void> {
  await getExternalWorkflowHandle(workflowId)
    .signal(lookSignal)
    .catch(() => undefined);
}
