import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { DeployActivities } from '../../activities/deploy/activities';
import type { DeployPolicy } from '../../domain/deploy/states';
import type { RunPolicy } from '../../domain/run-policy';

/** The activities of deploy requests under the names of what bounds them. */
export interface DeployProxies {
  /** Looks and notes that a request cannot go on without: one short transaction each, tried without end. */
  readonly store: DeployActivities;
  /** Looks that somebody waits for, or that nobody needs: tried a few times. */
  readonly quick: DeployActivities;
  readonly check: DeployActivities;
  readonly queue: DeployActivities;
  readonly submit: DeployActivities;
  /** Copying, comparing and following: they take as long as they take, and weather ends none of them. */
  readonly long: DeployActivities;
  /** What one of several deployments does for as long as the slowest of them takes. */
  readonly following: DeployActivities;
  /** Attempts at a swap; they end by themselves. */
  readonly swap: DeployActivities;
  readonly undo: DeployActivities;
  /** Looking at what a revert would lose; somebody waits for it. */
  readonly losses: DeployActivities;
}

/** A dead worker is noticed by its silence; a cancelled activity hears of it with its next heartbeat. */
const heartbeatTimeout = '3s';

/**
 * Where a thousand deployments are kept alike at once, every heartbeat is a write of Temporal's. What ends it is seen in the
 * store, so that nobody waits for a heartbeat to hear of it.
 */
const calmHeartbeat = '10s';

/** Longer than anybody waits; whether the worker lives is told by its heartbeats. */
const forever = '3650 days';

/**
 * Whatever acts on a database heartbeats, and is waited for when it is cancelled, so that nothing is made after it was
 * looked for to be removed.
 */
export function deployActivities(run: RunPolicy, deploy: DeployPolicy): DeployProxies {
  const { WAIT_CANCELLATION_COMPLETED } = ActivityCancellationType;
  const retry = { initialInterval: run.retryIntervalMs, backoffCoefficient: 2, maximumInterval: '10s' } as const;
  const some = { ...retry, maximumAttempts: run.stepAttempts };
  const proxy = (options: ActivityOptions): DeployActivities =>
    proxyActivities<DeployActivities>({
      ...{ heartbeatTimeout, cancellationType: WAIT_CANCELLATION_COMPLETED, retry },
      ...options,
    });
  const lasting = { startToCloseTimeout: forever, retry: { ...retry, maximumInterval: '30s' } } as const;
  return {
    store: proxyLocalActivities<DeployActivities>({ startToCloseTimeout: run.stepTimeoutMs, retry }),
    quick: proxyLocalActivities<DeployActivities>({ startToCloseTimeout: run.stepTimeoutMs, retry: some }),
    check: proxy({ scheduleToCloseTimeout: deploy.checkMs }),
    queue: proxy({ startToCloseTimeout: run.stepTimeoutMs, retry: { ...retry, maximumInterval: '30s' } }),
    submit: proxy({ scheduleToCloseTimeout: deploy.submitMs }),
    long: proxy(lasting),
    following: proxy({ ...lasting, heartbeatTimeout: calmHeartbeat }),
    swap: proxy({ startToCloseTimeout: forever }),
    undo: proxy({ scheduleToCloseTimeout: deploy.cancelMs }),
    losses: proxy({ startToCloseTimeout: deploy.checkMs, retry: some }),
  };
}
