import { requestRunId, type QueueLife, type QueueTicket } from '../../domain/deploy/contract';
import { holdsPlace, isTerminal } from '../../domain/deploy/states';
import type { DeployActivities } from './activities';
import type { DeployPorts } from './ports';

/** Asking for a place, giving it back, and finding those who cannot do that any more. */
export function queueSteps({
  deploys,
  queues,
}: DeployPorts): Pick<DeployActivities, 'join' | 'leave' | 'line' | 'gone'> {
  const isOver = async ({ organizationId }: QueueLife, { requestId }: QueueTicket): Promise<boolean> => {
    const request = await deploys.requests.byId(organizationId, requestId);
    if (!request) return true;
    const { state } = request.deployment;
    return isTerminal(state) && !holdsPlace(state);
  };

  return {
    async join({ queue, ticket }) {
      await queues.tell(queue, 'join', ticket);
    },

    async leave({ queue, ticket }) {
      await queues.tell(queue, 'leave', ticket);
    },

    async line({ organizationId, databaseId, intoBranchId }) {
      const inLine = await deploys.requests.inLine(organizationId, databaseId);
      return inLine
        .filter((request) => request.intoBranchId === intoBranchId)
        .map(({ id: requestId, number, deployment }) => ({
          ...{ requestId, number },
          workflowId: requestRunId({ organizationId, databaseId, requestId, number }),
          ...(holdsPlace(deployment.state) && { holds: true }),
        }));
    },

    async gone({ queue, tickets }) {
      const over = await Promise.all(
        tickets.map(async (ticket) => (await isOver(queue, ticket)) && !(await queues.isRunning(ticket.workflowId))),
      );
      return tickets.filter((_, i) => over[i]).map(({ requestId }) => requestId);
    },
  };
}
