/** How often, and for how long, what failed is tried again by itself. */
export interface RetryBudget {
  /** A deployment that failed so often does not heal by itself. */
  readonly attempts: number;
  /** Milliseconds since the first failure; after a day, whoever wanted the change has to say whether it is wanted still. */
  readonly withinMs: number;
}

export const defaultRetryBudget: RetryBudget = { attempts: 10, withinMs: 24 * 60 * 60_000 };

/** What was tried. */
export interface Tried {
  /** Attempts that were begun. */
  readonly attempts: number;
  /** Time in milliseconds of the first failure. */
  readonly since: number;
}

/** Why something is not tried again, for people; null where it may be. */
export function spent(
  { attempts, since }: Tried,
  now: number,
  budget: RetryBudget = defaultRetryBudget,
): string | null {
  if (attempts >= budget.attempts) return `it was tried ${attempts} times`;
  return now - since > budget.withinMs ? 'it failed too long ago' : null;
}

/** Milliseconds before the first attempt after a failure, and at most between two. */
const FIRST_MS = 10_000;
const LAST_MS = 60 * 60_000;

/** Milliseconds that what failed rests before it is tried again. @param attempts those that were begun since the first failure */
export function restMs(attempts: number): number {
  return Math.min(FIRST_MS * 2 ** attempts, LAST_MS);
}
