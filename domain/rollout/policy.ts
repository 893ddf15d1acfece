/** What the failure of one deployment means for those that come after it. */
export const FailurePolicy = {
  /** None of them starts. */
  halt: 'halt',
  /** They go on; the apply fails in the end all the same. */
  continue: 'continue',
  /** None of them starts until somebody releases the rollout; then they go on. */
  pause: 'pause',
} as const;
export type FailurePolicy = (typeof FailurePolicy)[keyof typeof FailurePolicy];

/** As much of an operation as tells what its failure means. */
export interface Policed {
  /** What was set; whatever is not one of {@link FailurePolicy} halts. */
  readonly onFailure: unknown;
  /** Whether somebody released the rollout after this failure. */
  readonly released: boolean;
}

/** What the failure of an operation means now. */
export function policyOf({ onFailure, released }: Policed): FailurePolicy {
  if (onFailure === 'continue') return 'continue';
  if (onFailure === 'pause') return released ? 'continue' : 'pause';
  return 'halt';
}
