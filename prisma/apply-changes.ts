import type { Wanted } from '../domain/rollout/apply';
import type { OperationNotes } from '../domain/rollout/decided';
import { operationMoves, type OperationMoveName } from '../domain/rollout/moves';
import { applyStateFacts } from '../domain/rollout/states';
import type { RawOperation } from './apply-operation-rows';
import type { ApplyOperationModel } from './generated/sqlite/models';

/** What a row of an operation has after a write. */
export type OperationChange = Partial<ApplyOperationModel>;

/** What an operation was told that is done, or to be decided anew, once it has made a move. */
const fulfilled: Partial<Record<OperationMoveName, readonly Wanted[]>> = {
  stop: ['stop', 'cut_over'],
  cancel: ['cancel', 'stop', 'cut_over'],
  open: ['cut_over'],
  finishAtOnce: ['cut_over'],
  // It begins from its first row once more, so its turn to cut over is over.
  failForNow: ['cut_over'],
  holdUpRevert: ['revert'],
  reverted: ['revert'],
  finish: ['skip_revert'],
  fail: ['cut_over', 'stop', 'cancel', 'revert', 'skip_revert'],
};

/** The moves after which what was wrong before is still worth telling. */
const keepsError: readonly OperationMoveName[] = ['failForNow', 'fail', 'stop'];
const begins: readonly OperationMoveName[] = ['begin', 'resume', 'goOn'];
const goesLive: readonly OperationMoveName[] = ['open', 'finishAtOnce'];

/** What a move changes of a row beside its state: its times, what it was told, and what is not true any more. */
export function changeOf(row: RawOperation, move: OperationMoveName, notes: OperationNotes, at: Date): OperationChange {
  const { to } = operationMoves[move];
  return {
    ...(!keepsError.includes(move) && { error: null, errorCode: null }),
    ...(fulfilled[move]?.includes(row.wanted as Wanted) && { wanted: null }),
    ...(begins.includes(move) && row.startedAt === null && { startedAt: at }),
    ...(goesLive.includes(move) && { cutOverAt: at }),
    ...(move === 'failForNow' && row.firstFailedAt === null && { firstFailedAt: at }),
    ...(applyStateFacts[to].settled && { completedAt: at }),
    waits: null,
    ...given(notes),
    state: to,
  };
}

/** What a claim changes: the next workflow's writes hold, those of the one before do not. */
export function claimOf(row: RawOperation, at: Date): OperationChange {
  // One that was cut off while it was tried again has its attempt already.
  const isAnother = row.state === 'failed_retryable' && row.worker !== 'lost';
  return {
    epoch: (row.epoch as number) + 1,
    worker: 'claimed',
    waits: null,
    ...(isAnother && { attempts: countOf(row.attempts) + 1, firstFailedAt: (row.firstFailedAt as Date | null) ?? at }),
  };
}

/** Those members of some notes that say another thing than the row. */
export function newsOf(row: RawOperation, notes: OperationNotes): OperationChange {
  const news = Object.entries(given(notes)).filter(([name, value]) => row[name as keyof RawOperation] !== value);
  return Object.fromEntries(news) as OperationChange;
}

function given(notes: OperationNotes): OperationNotes {
  return Object.fromEntries(Object.entries(notes).filter(([, value]) => value !== undefined)) as OperationNotes;
}

function countOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
