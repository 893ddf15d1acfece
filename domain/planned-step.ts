import type { UndoKind } from './saga';

/** One step as a plan shows it: what it does and how that is taken back. */
export interface PlannedStep {
  readonly name: string;
  readonly do: string;
  readonly undo: {
    readonly kind: UndoKind;
    /** How it is taken back, or why there is nothing to take back. */
    readonly text: string;
  };
  /** What stays behind when a person skips its stuck undo. */
  readonly leftBehind: string;
}
