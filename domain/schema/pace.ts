/** The most that a change may be slowed: it still gets on, at a twentieth of its speed. */
export const MAX_THROTTLE = 0.95;

/** Milliseconds that one chunk should take: long enough to be worth its commit, short enough that nobody waits on it. */
export const CHUNK_BUDGET_MS = 25;

const SMALLEST_CHUNK = 20;
const LARGEST_CHUNK = 20_000;

/**
 * Milliseconds to rest after work that took `workedMs`, so that the share `ratio` of all time is rest.
 * @param ratio 0 for none, at most {@link MAX_THROTTLE}; what is beyond is taken as the bound.
 */
export function restAfter(workedMs: number, ratio: number): number {
  const bounded = Math.min(Math.max(ratio, 0), MAX_THROTTLE);
  return (workedMs * bounded) / (1 - bounded);
}

/**
 * How many rows the next chunk should have for it to take {@link CHUNK_BUDGET_MS}. It moves at most by a factor of two
 * at a time, so that one slow commit does not shrink it to nothing.
 * @param growth how many times larger it may be, where what a chunk costs by itself is little.
 */
export function nextChunk(
  rows: number,
  tookMs: number,
  budgetMs = CHUNK_BUDGET_MS,
  largest = LARGEST_CHUNK,
  growth = 2,
): number {
  const factor = Math.min(Math.max(budgetMs / Math.max(tookMs, 0.1), 0.5), growth);
  return Math.min(Math.max(Math.round(rows * factor), SMALLEST_CHUNK), largest);
}
