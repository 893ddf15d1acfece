import { ApplyState } from '../rollout/states';
import type { DeploymentState } from './states';

/** The share of one table or one deployment in a request, as whoever makes it reports it. */
export interface ReportedOperation {
  /** Unknown words count as waiting for their turn. */
  readonly status: string;
  /** Whether it is copied and waits to be cut over. */
  readonly readyToComplete: boolean;
}

/** What was asked for beside the operations. */
export interface Wishes {
  readonly cutoverRequested: boolean;
  /** Whether it was to be made instantly, so that nothing can be reverted. */
  readonly instantRequested: boolean;
}

const stages = {
  failed: 'failed',
  cancelled: 'cancelled',
  complete: 'complete',
  ready_to_complete: 'waiting',
  running: 'running',
} as const;
type Stage = (typeof stages)[keyof typeof stages] | 'queued';

/** The state of a request whose operations are made apart from each other. */
export function projectedState(
  operations: readonly ReportedOperation[],
  { cutoverRequested, instantRequested }: Wishes,
): DeploymentState {
  const present = operations.map(stageOf);
  const has = (stage: Stage): boolean => present.includes(stage);
  const areAll = (...allowed: Stage[]): boolean => present.every((stage) => allowed.includes(stage));
  if (has('failed')) return 'complete_error';
  if (has('cancelled')) return 'cancelled';
  if (areAll('queued')) return 'queued';
  if (areAll('complete')) return instantRequested ? 'complete' : 'complete_pending_revert';
  const copied = areAll('complete', 'waiting');
  if (cutoverRequested && (copied || has('complete') || has('running'))) return 'in_progress_cutover';
  return copied ? 'pending_cutover' : 'in_progress';
}

function stageOf({ status, readyToComplete }: ReportedOperation): Stage {
  const stage = Object.hasOwn(stages, status) ? stages[status as keyof typeof stages] : 'queued';
  return readyToComplete && (stage === 'running' || stage === 'queued') ? 'waiting' : stage;
}

/** Those that are not underway. */
const applyStates: Partial<Record<DeploymentState, ApplyState>> = {
  ...{ pending: 'pending', ready: 'pending', no_changes: 'completed', error: 'failed' },
  ...{ complete_pending_revert: 'revert_window', complete: 'completed', complete_error: 'failed' },
  ...{ complete_cancel: 'stopped', cancelled: 'stopped', complete_revert: 'reverted', complete_revert_error: 'failed' },
};

/** What the state of a request is to the apply that it is a part of; whatever nobody knows is underway. */
export function applyState(state: string): ApplyState {
  return (Object.hasOwn(applyStates, state) ? applyStates[state as DeploymentState] : undefined) ?? ApplyState.running;
}
