import { ApplyState, applyStateFacts } from './states';

/** A change of an operation's state: where it may begin, where it ends, and what makes it. */
interface OperationMove {
  readonly from: readonly ApplyState[];
  readonly to: ApplyState;
  readonly when: string;
}

const copying = ['running', 'catching_up', 'checksumming', 'post_checksum', 'resuming'] as const;
const beforeLive = [...copying, 'waiting_for_cutover', 'failed_retryable'] as const;
const untouched = ['pending', 'waiting_for_deploy'] as const;

/** Every change of an operation's state after it was entered as `pending`. None leads out of a settled one. */
export const operationMoves = {
  begin: { from: untouched, to: 'running', when: 'it has its turn' },
  catchUp: { from: copying, to: 'catching_up', when: 'everything is copied' },
  compare: { from: copying, to: 'checksumming', when: 'both sides are as good as equal' },
  proved: { from: ['checksumming'], to: 'post_checksum', when: 'both sides are equal' },
  park: {
    from: [...copying, 'cutting_over'],
    to: 'waiting_for_cutover',
    when: 'it is ready, or its locks are not to be had in time',
  },
  cutOver: { from: ['waiting_for_cutover', 'recovering'], to: 'cutting_over', when: 'it has its turn to cut over' },
  recover: { from: ['cutting_over'], to: 'recovering', when: 'whoever cut it over is gone' },
  open: { from: ['cutting_over', 'recovering'], to: 'revert_window', when: 'the new tables are live' },
  finishAtOnce: {
    from: ['cutting_over', 'recovering'],
    to: 'completed',
    when: 'it was made instantly, without a way back',
  },
  skipRevert: { from: ['revert_window'], to: 'skipping_revert', when: 'the time is over, or nobody wants a revert' },
  finish: { from: ['skipping_revert'], to: 'completed', when: 'what is not live is removed' },
  revert: { from: ['revert_window'], to: 'reverting', when: 'it has its turn to be reverted' },
  holdUpRevert: {
    from: ['reverting'],
    to: 'revert_window',
    when: 'the locks are not to be had in time, or values would be lost',
  },
  reverted: { from: ['reverting'], to: 'reverted', when: 'the old tables are live again' },
  stop: { from: [...untouched, ...beforeLive], to: 'stopped', when: 'somebody stops it' },
  resume: { from: ['stopped'], to: 'resuming', when: 'somebody starts it again' },
  goOn: { from: ['resuming', 'failed_retryable'], to: 'running', when: 'it goes on from where it was' },
  failForNow: { from: beforeLive, to: 'failed_retryable', when: 'a step fails that is worth another attempt' },
  cancel: {
    from: [...untouched, ...beforeLive, 'stopped'],
    to: 'cancelled',
    when: 'somebody cancels it, and everything is as it was',
  },
  fail: {
    from: Object.values(ApplyState).filter((state) => !applyStateFacts[state].settled),
    to: 'failed',
    when: 'a step fails for good; what was not live is taken back',
  },
} as const satisfies Record<string, OperationMove>;
export type OperationMoveName = keyof typeof operationMoves;

/** Whether an operation in a state can make a move. */
export function canMove(from: ApplyState, move: OperationMoveName): boolean {
  return (operationMoves[move].from as readonly ApplyState[]).includes(from);
}
