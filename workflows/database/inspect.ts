import { proxyActivities } from '@temporalio/workflow';
import type { DatabaseActivities } from '../../activities/database/activities';
import type { Inspection } from '../../domain/deploy/contract';
import { finalFailure, isRunFailure } from '../saga/failure';

/** Milliseconds that a look at a server may take; somebody waits for it. */
const LOOK_MS = 60_000;

/** Reads something of a database's server and answers with it. */
export async function inspectDatabase({ policy, organizationId, databaseId, look }: Inspection): Promise<unknown> {
  const { inspect } = proxyActivities<DatabaseActivities>({
    scheduleToCloseTimeout: LOOK_MS,
    heartbeatTimeout: '3s',
    retry: { initialInterval: policy.retryIntervalMs, maximumInterval: '5s', maximumAttempts: policy.stepAttempts },
  });
  try {
    return await inspect({ organizationId, databaseId, look });
  } catch (error) {
    throw isRunFailure(error) ? finalFailure(error) : error;
  }
}
