import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { FleetActivities } from '../../activities/fleet/activities';
import { watchTaskQueue } from '../../domain/fleet/contract';
import type { FleetPolicy } from '../../domain/fleet/policy';
import type { RunPolicy } from '../../domain/run-policy';

/** The activities of the fleet under the names of what bounds them. */
export interface FleetProxies {
  /**
   * Looks and notes that a life cannot go on without: tried without end. They are local, since a look is one short
   * transaction and nobody asks what came of the last one: a replica costs a third less CPU.
   */
  readonly state: FleetActivities;
  /** One short transaction of a saga. */
  readonly quick: FleetActivities;
  readonly create: FleetActivities;
  readonly boot: FleetActivities;
  readonly connect: FleetActivities;
  readonly configure: FleetActivities;
  readonly health: FleetActivities;
  /** As long as a replica serves. */
  readonly watch: FleetActivities;
  readonly drain: FleetActivities;
  readonly undo: FleetActivities;
  readonly destroy: FleetActivities;
}

/** A dead worker is noticed by its silence. Short, because a cancelled activity hears of it with its next heartbeat. */
const heartbeatTimeout = '2s';

/** What an attempt needs beside the waiting that it is for: a look at the store, a call that is under way. */
const slackMs = 10_000;

/**
 * Every one heartbeats. What has an effect on the backend is waited for when it is cancelled, so that nothing is
 * created after it was looked for to be destroyed; what only looks or connects is let go of at once.
 */
export function fleetActivities(run: RunPolicy, fleet: FleetPolicy): FleetProxies {
  const { WAIT_CANCELLATION_COMPLETED, TRY_CANCEL } = ActivityCancellationType;
  const retry = { initialInterval: run.retryIntervalMs, backoffCoefficient: 2, maximumInterval: '5s' } as const;
  const some = { ...retry, maximumAttempts: run.stepAttempts };
  const proxy = (options: ActivityOptions): FleetActivities =>
    proxyActivities<FleetActivities>({ heartbeatTimeout, retry: some, ...options });
  /** Attempts of `attemptMs` until `deadlineMs` are over. */
  const within = (deadlineMs: number, options: ActivityOptions = {}): FleetActivities =>
    proxy({ scheduleToCloseTimeout: deadlineMs + slackMs, retry, cancellationType: TRY_CANCEL, ...options });
  return {
    state: proxyLocalActivities<FleetActivities>({ startToCloseTimeout: run.stepTimeoutMs, retry }),
    quick: proxy({ startToCloseTimeout: run.stepTimeoutMs, cancellationType: WAIT_CANCELLATION_COMPLETED }),
    create: proxy({
      startToCloseTimeout: fleet.cloudTimeoutMs * 2,
      cancellationType: WAIT_CANCELLATION_COMPLETED,
      retry: { ...retry, maximumAttempts: fleet.createAttempts },
    }),
    boot: within(fleet.addressDeadlineMs),
    connect: proxy({
      startToCloseTimeout: fleet.connectTimeoutMs + slackMs,
      cancellationType: TRY_CANCEL,
      retry: {
        initialInterval: fleet.connectIntervalMs,
        maximumInterval: fleet.connectMaxIntervalMs,
        maximumAttempts: fleet.connectAttempts,
      },
    }),
    configure: within(fleet.configureDeadlineMs),
    health: within(fleet.healthyDeadlineMs),
    watch: proxy({
      taskQueue: watchTaskQueue,
      // Longer than any replica lives; whether the worker lives is told by its heartbeats.
      startToCloseTimeout: '3650 days',
      cancellationType: TRY_CANCEL,
      retry,
    }),
    drain: proxy({ taskQueue: watchTaskQueue, startToCloseTimeout: '3650 days', retry }),
    undo: proxy({ startToCloseTimeout: run.stepTimeoutMs, retry: { ...retry, maximumAttempts: run.undoAttempts } }),
    destroy: proxy({
      startToCloseTimeout: fleet.goneDeadlineMs + slackMs,
      retry: { ...retry, maximumAttempts: run.undoAttempts },
    }),
  };
}
