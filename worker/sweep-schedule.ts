import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client, type ScheduleOptions } from '@temporalio/client';
import { FleetWorkflow, sweepScheduleId, type FleetPolicies, type Sweep } from '../domain/fleet/contract';
import { taskQueue } from '../domain/gateway/contract';

/** Makes sure that Temporal sweeps the fleet at the policy's interval; the policy of whoever comes last holds. */
export async function ensureSweepSchedule(client: Client, policies: FleetPolicies): Promise<void> {
  const { action, spec, policies: overlap } = scheduleOf(policies);
  try {
    await client.schedule.create({ scheduleId: sweepScheduleId, action, spec, policies: overlap });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(sweepScheduleId).update((before) => ({ ...before, action, spec }));
  }
}

function scheduleOf({ policy, fleet }: FleetPolicies): Omit<ScheduleOptions, 'scheduleId'> & {
  action: Extract<ScheduleOptions['action'], { type: 'startWorkflow' }>;
} {
  const input: Sweep = { dryRun: false, policy, fleet };
  return {
    action: { type: 'startWorkflow', workflowType: FleetWorkflow.sweep, taskQueue, args: [input] },
    spec: { intervals: [{ every: fleet.sweepIntervalMs }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP },
  };
}
