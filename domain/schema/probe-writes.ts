/** Milliseconds that a measured write counts for: long enough to be many, short enough to follow what a server bears. */
const WINDOW_MS = 3_000;

/** Measured times of small writes, and how long most of them take. */
export class ProbeWrites {
  private writes: { readonly atMs: number; readonly tookMs: number }[] = [];

  /** @param atMs of any clock that does not jump. */
  note(atMs: number, tookMs: number): void {
    this.writes = [...this.writes.filter((write) => atMs - write.atMs < WINDOW_MS), { atMs, tookMs }];
  }

  /**
   * Milliseconds that 99 of 100 take; null before there are five. The longest of fewer than a hundred never counts: one
   * write that waited for something once says nothing about the server.
   */
  get p99Ms(): number | null {
    if (this.writes.length < 5) return null;
    const sorted = this.writes.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) * 0.99)]!;
  }
}
