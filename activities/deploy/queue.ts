import type { DeployActivities } from './activities';
import type { DeployPorts } from './ports';

/** Asking for a place, giving it back, and finding those who cannot do that any more. */
export function queueSteps({ queues }: DeployPorts): Pick<DeployActivities, 'join' | 'leave' | 'gone'> {
  return {
    async join({ queue, ticket }) {
      await queues.tell(queue, 'join', ticket);
    },

    async leave({ queue, ticket }) {
      await queues.tell(queue, 'leave', ticket);
    },

    async gone({ tickets }) {
      const running = await Promise.all(tickets.map(({ workflowId }) => queues.isRunning(workflowId)));
      return tickets.flatMap(({ requestId }, i) => (running[i] ? [] : [requestId]));
    },
  };
}
