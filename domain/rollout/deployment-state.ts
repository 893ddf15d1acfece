import type { DeploymentState } from '../deploy/states';
import type { ApplyState } from './states';

/** What a client of a deploy request is told of its apply, by the words that it knows. */
const words: Readonly<Record<ApplyState, DeploymentState>> = {
  pending: 'submitting',
  preparing_branch: 'submitting',
  applying_branch_changes: 'submitting',
  validating_branch: 'submitting',
  creating_deploy_request: 'submitting',
  validating_deploy_request: 'submitting',
  running: 'in_progress',
  running_degraded: 'in_progress',
  catching_up: 'in_progress',
  checksumming: 'in_progress',
  post_checksum: 'in_progress',
  paused: 'in_progress',
  resuming: 'in_progress',
  waiting_for_deploy: 'in_progress',
  failed_retryable: 'in_progress',
  stopped: 'in_progress',
  waiting_for_cutover: 'pending_cutover',
  cutting_over: 'in_progress_cutover',
  recovering: 'in_progress_cutover',
  revert_window: 'complete_pending_revert',
  skipping_revert: 'complete_pending_revert',
  reverting: 'in_progress_revert',
  completed: 'complete',
  failed: 'complete_error',
  cancelled: 'complete_cancel',
  reverted: 'complete_revert',
};

/** What was asked of an apply that its state does not say. */
export interface Asked {
  readonly cancel: boolean;
  readonly revert: boolean;
}

const live: readonly ApplyState[] = ['revert_window', 'skipping_revert', 'completed'];
const ended: readonly ApplyState[] = ['completed', 'failed', 'cancelled', 'reverted'];

/**
 * The state of a deploy request from its apply and that apply's operations. A change that is live in one place is not yet
 * deployed: clients stop waiting at the words for that, so they hear them when it is live everywhere.
 */
export function deploymentStateOf(
  apply: ApplyState,
  operations: readonly ApplyState[],
  { cancel, revert }: Asked,
): DeploymentState {
  if (apply === 'failed' && revert) return 'complete_revert_error';
  if (ended.includes(apply)) return words[apply];
  if (cancel) return 'in_progress_cancel';
  if (revert) return 'in_progress_revert';
  // A revert that was held up is over: what is live still can be reverted again.
  if (apply === 'reverting' && !operations.includes('reverting')) return 'complete_pending_revert';
  const isEverywhere = operations.length > 0 && operations.every((state) => live.includes(state));
  if (words[apply] === 'complete_pending_revert' && !isEverywhere) return 'in_progress';
  const hasBegun = operations.some((state) => words[state] !== 'submitting');
  return words[apply] === 'submitting' && hasBegun ? 'in_progress' : words[apply];
}
