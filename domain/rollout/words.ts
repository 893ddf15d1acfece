import type { DeploymentMoveName, DeploymentState } from '../deploy/states';
import { canMove, operationMoves, type OperationMoveName } from './moves';
import type { ApplyState } from './states';

/** Moves of an operation for which a deploy request has no word. */
export const OwnMove = {
  /** It rests as it is; tables and triggers stay. */
  stop: 'stop',
  /** What was made for it is taken back, and it is tried again later. */
  failForNow: 'failForNow',
  /** Nobody wants the rest of the revert window; what is not live is removed. */
  skipRevert: 'skipRevert',
} as const;
export type OwnMove = (typeof OwnMove)[keyof typeof OwnMove];

/** Where an operation stands, as the deploy of a request calls that. */
const deploymentWords: Readonly<Record<ApplyState, DeploymentState>> = {
  pending: 'submitting',
  preparing_branch: 'submitting',
  applying_branch_changes: 'submitting',
  validating_branch: 'submitting',
  creating_deploy_request: 'submitting',
  validating_deploy_request: 'submitting',
  waiting_for_deploy: 'submitting',
  running: 'in_progress',
  running_degraded: 'in_progress',
  catching_up: 'in_progress',
  checksumming: 'in_progress',
  post_checksum: 'in_progress',
  resuming: 'in_progress',
  paused: 'in_progress',
  stopped: 'in_progress',
  failed_retryable: 'in_progress',
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

/** Where an operation stands, in the words of a deploy request; what was asked of it is not in them. */
export function wordOf(state: ApplyState): DeploymentState {
  return deploymentWords[state];
}

/** How an operation makes the moves of a deploy: the first of the ways that can be gone from where it stands. */
const ways: Readonly<Partial<Record<DeploymentMoveName | OwnMove, readonly (readonly OperationMoveName[])[]>>> = {
  begin: [['begin'], ['goOn'], ['resume', 'goOn']],
  gate: [['proved', 'park'], ['park'], ['begin', 'park'], ['goOn', 'park'], ['resume', 'park']],
  cutOver: [['cutOver']],
  holdUp: [['park'], ['cutOver', 'park']],
  open: [['open'], ['cutOver', 'open']],
  finishAtOnce: [['finishAtOnce'], ['cutOver', 'finishAtOnce']],
  finish: [['finish'], ['skipRevert', 'finish']],
  cancelled: [['cancel'], ['park', 'cancel']],
  fail: [['fail']],
  refuseLate: [['fail']],
  revert: [['revert']],
  holdUpRevert: [['holdUpRevert']],
  reverted: [['reverted']],
  failRevert: [['fail']],
  stop: [['stop'], ['park', 'stop']],
  failForNow: [['failForNow'], ['park', 'failForNow']],
  skipRevert: [['skipRevert']],
};

/** The states in which an operation has begun already. */
const begun: readonly ApplyState[] = ['running', 'catching_up', 'checksumming', 'post_checksum'];

/**
 * The moves that an operation makes where the deploy of a request makes one; none where it is there already, or where the
 * move says nothing of a single deployment. @returns null where it is not possible
 */
export function operationMovesOf(
  move: DeploymentMoveName | OwnMove,
  state: ApplyState,
): readonly OperationMoveName[] | null {
  const possible = ways[move];
  if (!possible) return [];
  const to = operationMoves[possible[0]!.at(-1)!].to;
  if (state === to || (move === 'begin' && begun.includes(state))) return [];
  return possible.find((way) => canGo(way, state)) ?? null;
}

function canGo(way: readonly OperationMoveName[], from: ApplyState): boolean {
  let state = from;
  for (const move of way) {
    if (!canMove(state, move)) return false;
    state = operationMoves[move].to;
  }
  return true;
}
