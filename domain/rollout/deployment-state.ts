import type { DeploymentState } from '../deploy/states';
import type { ApplyState } from './states';
import { wordOf } from './words';

/** What a client of a deploy request is told of its apply: an operation that nobody started is not under way, an apply is. */
function wordOfApply(state: ApplyState): DeploymentState {
  return state === 'waiting_for_deploy' ? 'in_progress' : wordOf(state);
}

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
  if (ended.includes(apply)) return wordOfApply(apply);
  if (cancel) return 'in_progress_cancel';
  if (revert) return 'in_progress_revert';
  // A revert that was held up is over: what is live still can be reverted again.
  if (apply === 'reverting' && !operations.includes('reverting')) return 'complete_pending_revert';
  const isEverywhere = operations.length > 0 && operations.every((state) => live.includes(state));
  if (wordOfApply(apply) === 'complete_pending_revert' && !isEverywhere) return 'in_progress';
  const hasBegun = operations.some((state) => wordOfApply(state) !== 'submitting');
  return wordOfApply(apply) === 'submitting' && hasBegun ? 'in_progress' : wordOfApply(apply);
}
