/** How far a copy is, in the whole numbers that clients decode. */
export interface CopyProgress {
  /** 0 to 100; 100 only when nothing is left to copy. */
  readonly percent: number;
  readonly rowsPerSecond: number;
  /** Whole seconds; null while nothing tells. */
  readonly etaSeconds: number | null;
}

/** A moment in a copy. */
export interface CopyMark {
  /** Milliseconds, of any clock that does not jump. */
  readonly atMs: number;
  readonly rowsCopied: number;
}

/** Milliseconds that a rate is taken over: long enough for a steady figure, short enough to follow a throttle. */
const WINDOW_MS = 10_000;

/** Tells how far a copy is from what it has done lately. */
export class CopyMeter {
  private marks: CopyMark[] = [];

  /** @param mark of now; the first is where this process took over. */
  note(mark: CopyMark): void {
    this.marks.push(mark);
    // One mark before the window stays, to measure from.
    while (this.marks.length > 2 && mark.atMs - this.marks[1]!.atMs > WINDOW_MS) this.marks.shift();
  }

  /** @param rowsTotal as the server estimates it: more may be copied than that. */
  progress(rowsTotal: number, copied: boolean): CopyProgress {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    const rowsCopied = last?.rowsCopied ?? 0;
    const elapsedMs = first && last ? last.atMs - first.atMs : 0;
    const rate = elapsedMs > 0 ? ((rowsCopied - first!.rowsCopied) * 1000) / elapsedMs : 0;
    const left = Math.max(rowsTotal - rowsCopied, 0);
    return {
      percent: copied ? 100 : Math.min(99, Math.floor((rowsCopied * 100) / Math.max(rowsTotal, 1))),
      rowsPerSecond: Math.round(rate),
      etaSeconds: copied ? 0 : rate > 0 ? Math.ceil(left / rate) : null,
    };
  }
}
