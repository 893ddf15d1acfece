import type { WorkflowInterceptors } from '@temporalio/workflow';
import type { RunPolicy } from '../../domain/run-policy';

/**
 * Events after which a workflow goes on with a new history. Temporal suggests it after 4,096; but on a machine that is busy
 * with a thousand operations a replay of so many takes longer than a workflow task may.
 */
const LONG = 1_000;

/** Modules are loaded once for all runs of a worker; the global object is each run's own. */
const own = globalThis as { gatewrightEvents?: number };

/** Events of a workflow task. */
const TASK = 3;

/**
 * Counts the events that a run makes. Temporal's own suggestion cannot be gone by where there are local activities: those
 * that take long have the workflow task renewed, and a replay takes such tasks for one, with the suggestion of the last.
 */
export const countingInterceptors: Required<Pick<WorkflowInterceptors, 'inbound' | 'outbound'>> = {
  inbound: [
    {
      handleSignal: (input, next) => counted(1 + TASK, () => next(input)),
      handleUpdate: (input, next) => counted(2 + TASK, () => next(input)),
    },
  ],
  outbound: [
    {
      scheduleActivity: (input, next) => counted(3 + TASK, () => next(input)),
      scheduleLocalActivity: (input, next) => counted(1, () => next(input)),
      startTimer: (input, next) => counted(2 + TASK, () => next(input)),
      signalWorkflow: (input, next) => counted(2 + TASK, () => next(input)),
      startChildWorkflowExecution: (input, next) => counted(3 + 2 * TASK, () => next(input)),
    },
  ],
};

/** Whether a history is so long that the workflow should go on with a new one, where nothing is under way. */
export function isLong({ historyEvents = LONG }: RunPolicy): boolean {
  return (own.gatewrightEvents ?? 0) >= historyEvents;
}

function counted<T>(events: number, action: () => T): T {
  own.gatewrightEvents = (own.gatewrightEvents ?? 0) + events;
  return action();
}
