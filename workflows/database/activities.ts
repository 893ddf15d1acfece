import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { DatabaseActivities } from '../../activities/database/activities';
import type { DeployPolicy } from '../../domain/deploy/states';
import type { RunPolicy } from '../../domain/run-policy';

/** The activities of databases under the names of what bounds them. */
export interface DatabaseProxies {
  /** One short transaction in the store. */
  readonly quick: DatabaseActivities;
  /** Making something on a server, which may take a while where there is much of it. */
  readonly make: DatabaseActivities;
  readonly undo: DatabaseActivities;
}

/** Every one heartbeats: a dead worker is noticed by its silence. */
export function databaseActivities(run: RunPolicy, deploy: DeployPolicy): DatabaseProxies {
  const retry = { initialInterval: run.retryIntervalMs, backoffCoefficient: 2, maximumInterval: '5s' } as const;
  const proxy = (options: ActivityOptions): DatabaseActivities =>
    proxyActivities<DatabaseActivities>({
      ...{ heartbeatTimeout: '3s', cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED },
      ...options,
    });
  return {
    quick: proxy({ startToCloseTimeout: run.stepTimeoutMs, retry: { ...retry, maximumAttempts: run.stepAttempts } }),
    make: proxy({ startToCloseTimeout: deploy.submitMs, retry: { ...retry, maximumAttempts: run.stepAttempts } }),
    undo: proxy({ startToCloseTimeout: deploy.cancelMs, retry: { ...retry, maximumAttempts: run.undoAttempts } }),
  };
}
