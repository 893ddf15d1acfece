import { Failure } from '../failures';

/** When a log is taken to grow faster than it can be followed. */
export interface Patience {
  /** Keys that may wait: while it is no more, all is well. */
  readonly logLength: number;
  /** Milliseconds for which it may be more without becoming less. */
  readonly patienceMs: number;
}

/** How much shorter a log has to become to count as becoming shorter: what comes and goes is not progress. */
const SHORTER = 0.9;

/** Watches whether a log is followed faster than it grows, so that nobody goes round and round for nothing. */
export class KeepingUp {
  private since: { readonly atMs: number; readonly logLength: number } | null = null;

  constructor(
    private readonly changeId: string,
    private readonly patience: Patience,
  ) {}

  /**
   * @param atMs of any clock that does not jump.
   * @throws Failure CHANGE_BEHIND when the log was too long all the time and does not become shorter.
   */
  note(logLength: number, atMs: number): void {
    const { logLength: allowed, patienceMs } = this.patience;
    if (logLength <= allowed) this.since = null;
    else if (this.since === null || logLength < this.since.logLength * SHORTER) this.since = { atMs, logLength };
    else if (atMs - this.since.atMs >= patienceMs)
      throw new Failure(
        'CHANGE_BEHIND',
        `${logLength} changed keys of change ${this.changeId} wait, and in ` +
          `${Math.round((atMs - this.since.atMs) / 1000)} s they did not become fewer: the writers are faster`,
        { data: { changeId: this.changeId, logLength } },
      );
  }
}
