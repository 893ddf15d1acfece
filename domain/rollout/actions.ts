import { Failure } from '../failures';
import type { ApplyNow } from './contract';
import { ApplyState, isSettled } from './states';

/** What people do with an apply; the words of the API's routes. */
export const ApplyAction = {
  stop: 'stop',
  start: 'start',
  pause: 'pause',
  release: 'release',
  applyDeploy: 'apply-deploy',
  cancel: 'cancel',
  revert: 'revert',
  skipRevert: 'skip-revert',
  retry: 'retry',
  override: 'override',
} as const;
export type ApplyAction = (typeof ApplyAction)[keyof typeof ApplyAction];

/** Where nothing of an operation is live yet, and it has not ended. */
const beforeLive: readonly ApplyState[] = Object.values(ApplyState).filter(
  (state) => !isSettled(state) && !['revert_window', 'skipping_revert', 'reverting'].includes(state),
);

/** There may be very many to look at. */
const isInBeforeLive: ReadonlySet<ApplyState> = new Set(beforeLive);

/** Whether an operation is not live yet, and has not ended. */
export function isBeforeLive(state: ApplyState): boolean {
  return isInBeforeLive.has(state);
}

/** Says why an action cannot be done now (data: state, allowed), or null when it can. */
export function refusalOf(action: ApplyAction, apply: ApplyNow): Failure | null {
  const reason = reasonAgainst(action, apply);
  const data = { state: apply.state, allowed: allowedApplyActions(apply) };
  return reason === null ? null : new Failure('STATE_CONFLICT', `cannot ${action}: ${reason}`, { data });
}

/** Everything that can be done with an apply now. */
export function allowedApplyActions(apply: ApplyNow): ApplyAction[] {
  return Object.values(ApplyAction).filter((action) => reasonAgainst(action, apply) === null);
}

function reasonAgainst(action: ApplyAction, apply: ApplyNow): string | null {
  if (isSettled(apply.state)) return `the rollout is over (${apply.state})`;
  const has = (...states: readonly ApplyState[]): boolean => states.some((state) => (apply.operations[state] ?? 0) > 0);
  const unless = (possible: boolean, reason: string): string | null => (possible ? null : reason);
  const isOpen = !apply.determined || has(...beforeLive);
  switch (action) {
    case 'cancel':
      if (apply.cancelling) return 'it is being cancelled';
      return unless(isOpen, 'every deployment is live, or has ended');
    case 'stop':
      if (apply.cancelling || apply.reverting) return 'it is being taken back';
      if (apply.stopping) return 'it was stopped before';
      return unless(isOpen, 'every deployment is live, or has ended');
    case 'start':
      return unless(apply.stopping || has('stopped', 'waiting_for_deploy'), 'nothing is stopped');
    case 'pause':
      if (apply.cancelling || apply.reverting) return 'it is being taken back';
      return unless(isOpen && !apply.paused, apply.paused ? 'it is paused' : 'nothing is left to begin');
    case 'release':
      return unless(apply.paused || apply.state === 'paused', 'nobody holds it');
    case 'apply-deploy':
      if (apply.cancelling || apply.reverting) return 'it is being taken back';
      return unless(isOpen, 'nothing is left to cut over');
    case 'revert':
      if (apply.reverting) return 'it is being reverted';
      return unless(has('revert_window'), 'no deployment can be reverted');
    case 'skip-revert':
      if (apply.reverting) return 'it is being reverted';
      return unless(has('revert_window'), 'no deployment can be reverted');
    case 'retry':
      return unless(has('failed_retryable'), 'nothing has failed for now');
    case 'override':
      return unless(isOpen, 'nothing is left to begin');
  }
}
