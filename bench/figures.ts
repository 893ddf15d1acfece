/** Milliseconds of one measured thing each. */
export type Samples = readonly number[];

/** A bar to reach, and whether it was. */
export interface Bar {
  readonly text: string;
  readonly met: boolean;
}

/** One line of the table. */
export interface Row {
  readonly group: string;
  readonly name: string;
  /** How many were measured. */
  readonly count?: number;
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  /** Unit of the figures; milliseconds unless told. */
  readonly unit?: string;
  /** What else there is to say. */
  readonly note?: string;
  readonly bar?: Bar;
}

/** The smallest sample that at least `percent` of all do not exceed (nearest rank). */
export function percentile(samples: Samples, percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
}

/** The count and the percentiles of samples, as a row has them. */
export function summary(samples: Samples): Required<Pick<Row, 'count' | 'p50' | 'p95' | 'p99'>> {
  return {
    count: samples.length,
    p50: percentile(samples, 50),
    p95: percentile(samples, 95),
    p99: percentile(samples, 99),
  };
}

/** A bar of the form "at most". */
export function atMost(value: number, limit: number, what: string): Bar {
  return { text: `${what} <= ${short(limit)} (${short(value)})`, met: value <= limit };
}

/** A bar of the form "at least". */
export function atLeast(value: number, limit: number, what: string): Bar {
  return { text: `${what} >= ${short(limit)} (${short(value)})`, met: value >= limit };
}

/** Several bars of one row, all of which have to be met. */
export function all(...bars: readonly Bar[]): Bar {
  return { text: bars.map(({ text }) => text).join(', '), met: bars.every(({ met }) => met) };
}

/** A figure with as many digits as mean something. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
