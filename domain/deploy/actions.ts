import { Failure } from '../failures';
import type { DeploymentState } from './states';
import { isTerminal } from './states';

/** What people do with a deploy request; the words of the API's routes. */
export const DeployAction = {
  deploy: 'deploy',
  cancel: 'cancel',
  applyDeploy: 'apply-deploy',
  forceCutover: 'force-cutover',
  revert: 'revert',
  skipRevert: 'skip-revert',
  completeDeploy: 'complete-deploy',
  close: 'close',
  setThrottle: 'throttle',
  setAutoApply: 'auto-apply',
} as const;
export type DeployAction = (typeof DeployAction)[keyof typeof DeployAction];

/** As much of a request as tells what can be done with it. */
export interface Actable {
  readonly state: DeploymentState;
  /** Whether `deploy` was ever accepted. */
  readonly deployed: boolean;
  readonly closed: boolean;
  /** Whether the settings of its database want an approval that it has not. */
  readonly approvalMissing: boolean;
}

const cancellable: readonly DeploymentState[] = ['queued', 'submitting', 'in_progress', 'pending_cutover'];

/** Why an action cannot be done, in the sentences that clients of PlanetScale's API show as they are. */
interface Reason {
  readonly code: 'STATE_CONFLICT' | 'APPROVAL_MISSING';
  readonly message: string | undefined;
}

/** Says why an action cannot be done now (data: state, allowed), or null when it can. */
export function refusalOf(action: DeployAction, request: Actable): Failure | null {
  const reason = reasonAgainst(action, request);
  const data = { state: request.state, allowed: allowedActions(request) };
  return reason && new Failure(reason.code, reason.message, { data });
}

/** Everything that can be done with a request now. */
export function allowedActions(request: Actable): DeployAction[] {
  return Object.values(DeployAction).filter((action) => reasonAgainst(action, request) === null);
}

function reasonAgainst(action: DeployAction, request: Actable): Reason | null {
  const { state } = request;
  const only = (verb: string, ...states: DeploymentState[]): Reason | null =>
    states.includes(state)
      ? null
      : conflict(`cannot ${verb}: deploy request is in state "${state}", expected ${states.join(' or ')}`);
  switch (action) {
    case 'deploy':
      return againstDeploy(request);
    case 'cancel':
      return cancellable.includes(state) ? null : conflict(`cannot cancel: deploy request is in state "${state}"`);
    case 'apply-deploy':
      return only('cutover', 'pending_cutover');
    case 'force-cutover':
      return only('force the cutover', 'pending_cutover', 'in_progress_cutover');
    case 'revert':
      return only('revert', 'complete_pending_revert');
    case 'skip-revert':
      return only('skip revert', 'complete_pending_revert');
    case 'complete-deploy':
      return only('complete', 'complete_error', 'complete_revert_error');
    case 'close':
      if (request.closed) return conflict('deploy request is already closed');
      return request.deployed ? conflict('cannot close: deploy request has been deployed') : null;
    // Set before it matters, or after, they do no harm.
    case 'throttle':
    case 'auto-apply':
      return null;
  }
}

function againstDeploy({ state, deployed, closed, approvalMissing }: Actable): Reason | null {
  if (state === 'pending') return conflict('deploy request is still being prepared');
  if (approvalMissing) return { code: 'APPROVAL_MISSING', message: undefined };
  if (closed) return conflict('cannot deploy: deploy request is closed');
  if (deployed) return conflict('deploy request already deployed');
  if (state === 'no_changes') return conflict('cannot deploy: there is nothing to deploy');
  return state === 'ready' ? null : conflict(`cannot deploy: deploy request is in state "${state}"`);
}

function conflict(message: string): Reason {
  return { code: 'STATE_CONFLICT', message };
}

/** What frees a place that a request in this state holds: PlanetScale's word for it, or null where it holds none. */
export function freesPlace(state: DeploymentState): DeployAction | null {
  if (cancellable.includes(state)) return 'cancel';
  if (state === 'complete_pending_revert') return 'skip-revert';
  return isTerminal(state) && state.endsWith('_error') ? 'complete-deploy' : null;
}
