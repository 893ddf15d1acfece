import type { ApplyOperation, Asked, Wanted } from './apply';
import type { OperationMoveName } from './moves';

/** What is noted of an operation beside its state. */
export type OperationNotes = Partial<Pick<ApplyOperation, 'error' | 'errorCode' | 'waits' | 'wanted'>>;

/** What is written of a decision on an apply. */
export interface Decided {
  /**
   * Ids of operations for which a workflow is to be begun: each gets the next epoch and is `claimed`; one that failed for
   * now has an attempt more.
   */
  readonly claim: readonly string[];
  /** What operations are told; one that was told the same before is not written again. */
  readonly want: Readonly<Record<string, Wanted>>;
  /** Moves that need no workflow, as of operations that never began. */
  readonly moves: readonly DecidedMove[];
  /** Why operations wait; of those without a workflow that are not named, nothing is in the way. */
  readonly waits: Readonly<Record<string, string>>;
  /** When the time for a revert ends; set once. */
  readonly revertWindowEndsAt: Date | null;
  /** What was asked and is done, or cannot be done any more. */
  readonly over: readonly (keyof Asked)[];
}

export interface DecidedMove {
  readonly operationId: string;
  readonly move: OperationMoveName;
  readonly notes?: OperationNotes;
}
