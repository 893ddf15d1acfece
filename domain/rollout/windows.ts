import type { Board, Piece } from './board';
import { isSettled } from './states';

/** Reverts what is live, strictly from the last to the first: the next only when the one before it has ended. */
export function revertInOrder(board: Board): void {
  if (board.apply.asked.revert === null) return;
  let before: string | null = board.isWhole ? null : 'not every deployment can be read';
  for (const piece of [...board.pieces].reverse()) {
    const { row, state } = piece;
    if (isSettled(state)) continue;
    const isNext = before === null && state === 'revert_window' && row.wanted !== 'skip_revert';
    if (isNext) board.want(piece, 'revert');
    else if (before !== null && state === 'revert_window') board.wait(piece, before);
    before ??= `deployment ${row.deployment} is reverted first (${state})`;
  }
}

/** Ends the time in which what is live can be reverted. */
export function endWindows(board: Board, revertWindowMs: number): void {
  const { apply, now } = board;
  if (apply.asked.revert !== null) return;
  const open = board.pieces.filter(({ state }) => state === 'revert_window');
  if (open.length === 0) return board.over('skipRevert');
  const { revertTogether } = apply.settings;
  const together = apply.revertWindowEndsAt;
  if (revertTogether && together === null && !board.mayCutOver)
    board.revertWindowEndsAt = new Date(+now + revertWindowMs);
  for (const piece of open) {
    const common = together ?? board.revertWindowEndsAt;
    const endsAt = revertTogether ? common && +common : +(piece.row.cutOverAt ?? now) + revertWindowMs;
    if (apply.asked.skipRevert !== null) board.want(piece, 'skip_revert');
    else if (endsAt !== null && board.isWhole) endAt(board, piece, Math.max(endsAt, grace(piece, revertWindowMs)));
  }
}

/** Whoever wanted a revert that was held up, needs the time to do something about it. */
function grace({ row }: Piece, revertWindowMs: number): number {
  return row.error === null ? 0 : +row.updatedAt + revertWindowMs;
}

function endAt(board: Board, piece: Piece, at: number): void {
  if (at <= +board.now) board.want(piece, 'skip_revert');
  else board.wake(at);
}
