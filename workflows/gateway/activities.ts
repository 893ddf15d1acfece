import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { GatewayActivities } from '../../activities/gateway/activities';
import { edgeTaskQueue, type Placement, type Placements } from '../../domain/gateway/contract';
import type { RunPolicy } from '../../domain/run-policy';

/** The activities of a gateway run under the names of what bounds them. */
export interface GatewayProxies {
  /** One short transaction in the store. */
  readonly store: GatewayActivities;
  readonly dns: GatewayActivities;
  readonly handshake: GatewayActivities;
  /** Undos: more patient, and dispatched by the server, so that each attempt is seen in Temporal's Web UI. */
  readonly undo: GatewayActivities;
  /** Publishing, on the hosts of an edge. */
  edge(name: string): GatewayActivities;
  /** Publishing a removal, which has to be proven and is waited for as long as an undo. */
  edgeUndo(name: string): GatewayActivities;
}

/** A dead worker is noticed by its silence, long before the deadline of what it was doing. */
const heartbeatTimeout = '3s';

/**
 * Attempts are bounded, so that a run is taken back, or shown to a person, rather than hang; and there is no deadline
 * over all attempts of an undo, which may wait for a worker as long as it takes.
 */
export function gatewayActivities(placements: Placements, policy: RunPolicy): GatewayProxies {
  const retry = { initialInterval: policy.retryIntervalMs, backoffCoefficient: 2, maximumInterval: '5s' } as const;
  // What is under way when the run is cancelled ends before anything is taken back: its effect must not come after.
  const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;
  const forward: ActivityOptions = {
    startToCloseTimeout: policy.stepTimeoutMs,
    heartbeatTimeout,
    cancellationType,
    retry: { ...retry, maximumAttempts: policy.stepAttempts },
  };
  const back: ActivityOptions = {
    startToCloseTimeout: policy.stepTimeoutMs,
    heartbeatTimeout,
    retry: { ...retry, maximumAttempts: policy.undoAttempts },
  };
  const placed = (placement: Placement): GatewayActivities =>
    placement === 'local'
      ? proxyLocalActivities<GatewayActivities>({
          startToCloseTimeout: policy.stepTimeoutMs,
          retry: forward.retry!,
          cancellationType,
        })
      : proxyActivities<GatewayActivities>(forward);
  return {
    store: placed(placements.store),
    dns: placed(placements.dns),
    handshake: placed(placements.handshake),
    undo: proxyActivities<GatewayActivities>(back),
    edge: (name) =>
      proxyActivities<GatewayActivities>({
        taskQueue: edgeTaskQueue(name),
        scheduleToCloseTimeout: policy.edgeDeadlineMs,
        startToCloseTimeout: policy.edgeDeadlineMs,
        heartbeatTimeout,
        cancellationType,
        retry: { ...retry, maximumAttempts: policy.stepAttempts },
      }),
    edgeUndo: (name) =>
      proxyActivities<GatewayActivities>({
        taskQueue: edgeTaskQueue(name),
        scheduleToStartTimeout: policy.edgeDeadlineMs * policy.undoAttempts,
        startToCloseTimeout: policy.edgeDeadlineMs,
        heartbeatTimeout,
        retry: { ...retry, maximumAttempts: policy.undoAttempts },
      }),
  };
}
