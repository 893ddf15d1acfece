import type { QueueAsking } from '../../activities/deploy/activities';
import { requestRunId, type DeployLife } from '../../domain/deploy/contract';

/** What a request asks its queue with. @param holds whether it has the place already. */
export function ticketOf(life: DeployLife, holds = false): QueueAsking {
  const { organizationId, databaseId, intoBranchId, requestId, number } = life;
  return {
    queue: { organizationId, databaseId, intoBranchId },
    ticket: { requestId, number, workflowId: requestRunId(life), ...(holds && { holds }) },
  };
}
