import { leavesNothing } from '../../domain/failures';
import type { FailureView, Resolution, StepState, StepView, UndoKind } from '../../domain/saga';
import type { Outcome, Undo } from './undo';

/** One registered step: how to take it back, and how far it has come. */
export class Entry {
  state: StepState = 'running';
  outcome: Outcome<unknown> = { known: false };
  error: FailureView | undefined;
  undoError: FailureView | undefined;
  stuckSince: string | undefined;
  /** What was stuck or skipped when its undo last ran: that undo may have had to hold something back. */
  leftBehindAtUndo = '';
  readonly resolutions: Resolution[] = [];

  constructor(
    readonly name: string,
    readonly undo: Undo<never>,
  ) {}

  get undoKind(): UndoKind {
    if (typeof this.undo === 'function') return 'undo';
    return 'nothing' in this.undo ? 'nothing' : 'point_of_no_return';
  }

  /** Whether its do failed in a way that says for certain that it did nothing. */
  get leftNothing(): boolean {
    return this.state === 'failed' && this.error !== undefined && leavesNothing(this.error.code);
  }

  /** Whether what its do did may still be there although it should not. */
  get leftBehind(): boolean {
    return this.state === 'stuck' || this.state === 'skipped';
  }

  view(): StepView {
    const why = typeof this.undo === 'function' ? undefined : Object.values(this.undo)[0];
    return {
      name: this.name,
      state: this.state,
      undo: this.undoKind,
      ...(why && { why }),
      ...(this.error && { error: this.error }),
      ...(this.undoError && { undoError: this.undoError }),
      ...(this.stuckSince && { stuckSince: this.stuckSince }),
      resolutions: this.resolutions,
    };
  }
}
