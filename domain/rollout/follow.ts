import type { DeploymentMoveName, DeploymentState } from '../deploy/states';

/** The way of a deploy that nobody takes back, with the moves between its states. */
const line = [
  ...(['submitting', 'in_progress', 'pending_cutover', 'in_progress_cutover'] as const),
  ...(['complete_pending_revert', 'complete'] as const),
] satisfies readonly DeploymentState[];
const forward = ['begin', 'gate', 'cutOver', 'open', 'finish'] satisfies readonly DeploymentMoveName[];

/** The first state of the line in which a change is live everywhere. */
const LIVE = line.indexOf('complete_pending_revert');

/** How a request comes to a state from one that is not on the line. */
const fromElsewhere: Readonly<Partial<Record<DeploymentState, Partial<Record<DeploymentState, Way>>>>> = {
  in_progress_cancel: {
    complete_cancel: ['cancelled'],
    complete: ['outrun'],
    // What went live before was reverted: everything is as it was.
    complete_revert: ['cancelled'],
  },
  in_progress_revert: {
    complete_revert: ['reverted'],
    // What was never live was cancelled beside it.
    complete_cancel: ['reverted'],
    complete_revert_error: ['failRevert'],
    // A revert that was held up is over; what is live can be reverted still.
    submitting: ['holdUpRevert'],
    in_progress: ['holdUpRevert'],
    pending_cutover: ['holdUpRevert'],
    in_progress_cutover: ['holdUpRevert'],
    complete_pending_revert: ['holdUpRevert'],
    complete: ['holdUpRevert', 'finish'],
    complete_error: ['holdUpRevert', 'fail'],
  },
};

type Way = readonly DeploymentMoveName[];

/**
 * The moves with which a deploy request follows its apply, which may have gone several steps meanwhile. None where it is
 * there already, or where the request keeps saying what it says: what was live everywhere is not in progress again, and
 * whoever cancels or reverts hears of that until it is over.
 */
export function movesTo(from: DeploymentState, to: DeploymentState): Way {
  if (from === to) return [];
  const way = fromElsewhere[from]?.[to];
  if (way) return way;
  const [here, there] = [line.indexOf(from as never), line.indexOf(to as never)];
  // Any failure that is not told by a revert is one of the deploy.
  if (to === 'complete_error' || (to === 'complete_revert_error' && here === -1)) return ['fail'];
  if (here === -1) return [];
  if (there > here) return forward.slice(here, there);
  if (there !== -1) return backwards(here, there);
  if (to === 'in_progress_cancel' || to === 'complete_cancel') return cancelled(here, to);
  const reverted: Way = here >= LIVE ? ['revert'] : here === 0 ? ['begin', 'revertPart'] : ['revertPart'];
  if (to === 'in_progress_revert') return reverted;
  if (to === 'complete_revert') return [...reverted, 'reverted'];
  return to === 'complete_revert_error' ? [...reverted, 'failRevert'] : [];
}

function backwards(here: number, there: number): Way {
  if (here >= LIVE || there === 0) return [];
  return there === line.indexOf('in_progress') ? ['goOn'] : ['holdUp'];
}

function cancelled(here: number, to: 'in_progress_cancel' | 'complete_cancel'): Way {
  if (here >= LIVE) return [];
  const cancel: Way = line[here] === 'in_progress_cutover' ? ['holdUp', 'cancel'] : ['cancel'];
  return to === 'complete_cancel' ? [...cancel, 'cancelled'] : cancel;
}
