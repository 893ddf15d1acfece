import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { RecordActivities } from '../../activities/record';
import type { Placement } from '../../domain/gateway/contract';

/**
 * The activity that keeps a run's states in the journal. It is tried without end: a run whose history cannot be kept
 * waits for the store rather than go on unseen.
 */
export function recorder(placement: Placement): RecordActivities {
  const retry = { initialInterval: '200ms', maximumInterval: '5s', backoffCoefficient: 2 };
  return placement === 'local'
    ? proxyLocalActivities<RecordActivities>({ startToCloseTimeout: '5s', retry })
    : proxyActivities<RecordActivities>({ startToCloseTimeout: '5s', retry });
}
