import { isBeforeLive } from './actions';
import type { Board, Piece } from './board';
import { isSettled } from './states';

/** What is as it was before, because it was not begun, or was taken back by whoever tried it. */
function isUntouched({ row, state, worker }: Piece): boolean {
  if (worker === 'alive') return false;
  if (state === 'stopped') return row.startedAt === null;
  return state === 'pending' || state === 'waiting_for_deploy' || state === 'failed_retryable';
}

/** Whether a swap is being made, which ends one way or the other before anything else. */
function isSwapping({ state }: Piece): boolean {
  return state === 'cutting_over' || state === 'recovering';
}

/**
 * Takes back what is not live: everything where somebody cancels or reverts, and what was begun behind a failure that lets
 * nobody go on. What was never begun first, so that nothing begins any more; then the last first.
 */
export function takeBack(board: Board): void {
  const { asked } = board.apply;
  const going = board.pieces.filter(
    (piece) =>
      isBeforeLive(piece.state) &&
      // What rests because somebody wants that, rests behind a failure, too.
      (board.isTakenBack || (board.isHalted(piece) && hasBegun(piece) && asked.stop === null)),
  );
  const reversed = going.reverse();
  for (const piece of reversed) if (isUntouched(piece)) board.move(piece, 'cancel');
  for (const piece of reversed) {
    if (!isBeforeLive(piece.state) || isSwapping(piece)) continue;
    if (piece.worker !== 'alive') board.claim(piece);
    board.want(piece, 'cancel');
  }
}

function hasBegun({ row, state }: Piece): boolean {
  return state !== 'pending' && (state !== 'stopped' || row.startedAt !== null);
}

/** Lets everything rest that is not live. */
export function stop(board: Board): void {
  const { asked } = board.apply;
  if (asked.stop === null || board.isTakenBack) return;
  for (const piece of board.pieces) {
    if (!isBeforeLive(piece.state) || isSwapping(piece)) continue;
    if (piece.state !== 'stopped') {
      if (piece.worker === 'alive') board.want(piece, 'stop');
      // Nobody is there who could be told; what was made stays.
      else board.move(piece, 'stop');
    }
    board.wait(piece, `${asked.stop} stopped it`);
  }
  if (!board.pieces.some(({ state }) => isBeforeLive(state)) && board.isWhole) board.over('stop');
}

/** Has somebody work again on what was cut off, whoever holds the rollout: it was begun. */
export function takeUp(board: Board): void {
  for (const piece of board.pieces) {
    const { state, worker } = piece;
    const isResting = isSettled(state) || state === 'failed_retryable' || state === 'stopped';
    if (worker === 'lost' && !isResting) board.claim(piece);
  }
}
