/** What people and programs need to know of one kind of failure. */
export interface FailureKind {
  /** Whether trying the same thing again can help. */
  readonly retryable: boolean;
  /** The HTTP status that an API answer about it carries. */
  readonly status: number;
  /** A few words that never change with the instance. */
  readonly title: string;
  /** What a person does about it. */
  readonly remedy: string;
  /** Whether a step that fails with it has certainly done nothing, so that there is nothing to undo. */
  readonly leavesNothing?: true;
}
