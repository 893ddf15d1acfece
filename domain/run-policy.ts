/** The durations and bounds of a run; they travel in its input, so that a run in flight keeps the ones it began with. */
export interface RunPolicy {
  /** Milliseconds that one attempt of an ordinary step may take. */
  readonly stepTimeoutMs: number;
  /** Attempts of an ordinary step before the run is taken back. */
  readonly stepAttempts: number;
  /** Milliseconds between the first and second attempt; doubles from there. */
  readonly retryIntervalMs: number;
  /** Attempts of an undo before it is called stuck. */
  readonly undoAttempts: number;
  /** Milliseconds that an edge may take to prove a generation live, waiting for its worker included. */
  readonly edgeDeadlineMs: number;
  /** Milliseconds that a run may need attention before that is called critical. */
  readonly attentionDeadlineMs: number;
  /** Events after which a workflow that lasts goes on with a new history; 1,000 unless told. */
  readonly historyEvents?: number;
}
