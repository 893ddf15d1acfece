import type { ApplyOperation, ApplyRecord, Wanted } from './apply';
import { Board, type Piece } from './board';
import { decideCopies, decideCutovers, type Decision, type Rollout } from './claims';
import type { OperationRef } from './contract';
import type { Decided } from './decided';
import { stop, takeBack, takeUp } from './endings';
import type { Override } from './gates';
import type { Blame } from './operation';
import { restMs, spent } from './retry';
import { isSettled, type ApplyState } from './states';
import { endWindows, revertInOrder } from './windows';

/** What is known of an apply beside its rows. */
export interface Circumstances {
  /** Whether somebody has to say when it cuts over. */
  readonly deferred: boolean;
  /** Milliseconds in which what is live can be reverted. */
  readonly revertWindowMs: number;
  readonly now: Date;
}

/** What comes next in an apply: what is written, and what follows from that. */
export interface Next extends Decided {
  /** What workflows of operations are to hear, whether or not they have heard it before. */
  readonly tell: readonly (OperationRef & { readonly wanted: Wanted; readonly isNew: boolean })[];
  /** Those whose workflow has not said yet that it is there, of decisions before this one. */
  readonly claimedBefore: readonly OperationRef[];
  /** Those that can be read as they are once it is written, in the order of the rollout. */
  readonly operations: readonly (Pick<ApplyOperation, 'id' | 'position' | 'errorCode' | 'cutOverAt'> & {
    readonly state: ApplyState;
  })[];
  /** Rows that are in the way of the truth. */
  readonly blamed: readonly Blame[];
  /** Time in milliseconds at which something is due by itself; null where nothing is. */
  readonly wakesAt: number | null;
}

/**
 * Decides what comes next in an apply, from its rows as they are stored. Nothing begins, cuts over or is reverted while a
 * row cannot be read; what was begun goes on, and can be stopped and cancelled.
 */
export function nextOf(
  apply: ApplyRecord,
  rows: readonly unknown[],
  overrides: readonly Override[],
  { deferred, revertWindowMs, now }: Circumstances,
): Next {
  const board = new Board(apply, rows, overrides, now);
  if (!isSettled(apply.state)) {
    giveUp(board);
    takeBack(board);
    stop(board);
    takeUp(board);
    if (!board.isTakenBack) {
      copy(board);
      cutOver(board, deferred && apply.asked.cutOver === null);
    }
    revertInOrder(board);
    endWindows(board, revertWindowMs);
  }
  const { decided, blamed, wakesAt, pieces } = board;
  const operations = pieces.map(({ row: { id, position, errorCode, cutOverAt }, state }) => {
    return { id, position, errorCode, cutOverAt, state };
  });
  const before = pieces.filter(({ row, state }) => row.worker === 'claimed' && !isSettled(state));
  const claimedBefore = before.map(({ row: { id, epoch } }) => ({ id, epoch }));
  return { ...decided, tell: told(board, decided), claimedBefore, operations, blamed, wakesAt };
}

/** Fails what was tried too often: what was made for it is taken back already. */
function giveUp(board: Board): void {
  const { asked } = board.apply;
  if (asked.stop !== null || asked.pause !== null || board.isTakenBack || !board.isWhole) return;
  for (const piece of board.pieces) {
    const { attempts, firstFailedAt, error } = piece.row;
    if (piece.state !== 'failed_retryable' || piece.worker === 'alive' || firstFailedAt === null) continue;
    const reason = spent({ attempts, since: +firstFailedAt }, +board.now);
    if (reason !== null) board.move(piece, 'fail', { error: `${error ?? 'it failed'} (${reason})` });
  }
}

/** Begins what has its turn, and tells the others why they wait. */
function copy(board: Board): void {
  const { asked } = board.apply;
  const requests = { stop: asked.stop !== null, start: asked.stop === null, pause: asked.pause !== null };
  // Told by `stop` already.
  if (requests.stop) return;
  for (const { piece, waits } of decisionsOn(board, decideCopies(board.rollout(requests, false)))) {
    if (waits !== null) board.wait(piece, waits);
    else if (!board.isWhole) board.wait(piece, unreadable(board));
    else begin(board, piece);
  }
}

function begin(board: Board, piece: Piece): void {
  const { attempts, firstFailedAt, error, updatedAt } = piece.row;
  if (piece.state === 'failed_retryable' && piece.worker === 'none' && firstFailedAt !== null) {
    const dueAt = +updatedAt + restMs(attempts);
    if (dueAt > +board.now) {
      board.wake(dueAt);
      return board.wait(piece, `it is tried again soon: ${error ?? 'it failed'}`);
    }
  }
  // Noted at once: what is pending keeps nothing open, so its apply could end before its workflow says a word.
  if (piece.state === 'pending' || piece.state === 'waiting_for_deploy') board.move(piece, 'begin');
  if (piece.state === 'stopped') board.move(piece, 'resume');
  board.claim(piece);
}

/** Tells the one that may cut over to do so. */
function cutOver(board: Board, deferred: boolean): void {
  const { asked } = board.apply;
  if (asked.stop !== null) return;
  const requests = { stop: false, start: true, pause: asked.pause !== null };
  // One after another, whatever the rule: where whole deployments follow each other, no two are ready at once.
  const rollout = { ...board.rollout(requests, deferred), cutover: 'barrier' };
  const decisions = rollout.operations.length > 1 ? decideCutovers(rollout) : alone(rollout);
  for (const { piece, waits } of decisionsOn(board, decisions)) {
    if (piece.state !== 'waiting_for_cutover' || board.wanted(piece) === 'cut_over') continue;
    if (waits !== null) board.wait(piece, waits);
    else if (!board.isWhole) board.wait(piece, unreadable(board));
    else board.want(piece, 'cut_over');
  }
}

/** The only operation has nobody before it. */
function alone({ operations, deferred, requests }: Rollout): readonly Decision[] {
  const waits = requests.pause ? 'somebody holds the rollout' : deferred ? 'somebody has to say so' : null;
  return operations.map(({ id, gate }) => ({
    operation: id,
    waits: waits ?? (gate?.open === false ? gate.reason : null),
  }));
}

function unreadable({ blamed }: Board): string {
  return `not every deployment can be read: ${blamed[0]!.reason}`;
}

function decisionsOn(
  board: Board,
  decisions: readonly Decision[],
): readonly { readonly piece: Piece; readonly waits: string | null }[] {
  return decisions.map(({ operation, waits }) => ({ piece: board.piece(operation), waits }));
}

/** Whoever was begun just now reads in its row what is wanted of it. */
function told(board: Board, { want }: Decided): Next['tell'] {
  const tell: Next['tell'][number][] = [];
  for (let i = board.pieces.length - 1; i >= 0; i--) {
    const piece = board.pieces[i]!;
    if (piece.worker !== 'alive' || board.isClaimed(piece)) continue;
    const wanted = board.wanted(piece);
    if (wanted === null) continue;
    const { id, epoch } = piece.row;
    tell.push({ id, epoch, wanted, isNew: Object.hasOwn(want, id) });
  }
  return tell;
}
