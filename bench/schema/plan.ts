/** How much is measured. */
export interface SchemaPlan {
  readonly rows: number;
  /** Copies without writers, each beside an `INSERT .. SELECT`; turns with and without triggers; swaps there and back. */
  readonly rounds: number;
  /** Seconds of writing in one turn. */
  readonly seconds: number;
  /** Seconds at most of a copy that is slowed. */
  readonly slowSeconds: number;
  /** Seconds at most of a copy while others write: by then it has to be at its end. */
  readonly copySeconds: number;
  /** Row counts at which the memory of the engine is looked at. */
  readonly memory: readonly number[];
}

/** The whole bench. */
export const fullPlan: SchemaPlan = {
  rows: 1_000_000,
  rounds: 3,
  seconds: 5,
  slowSeconds: 15,
  copySeconds: 180,
  memory: [10_000, 100_000, 1_000_000],
};

/** A look. */
export const quickPlan: SchemaPlan = {
  rows: 100_000,
  rounds: 2,
  seconds: 2,
  slowSeconds: 4,
  copySeconds: 30,
  memory: [10_000, 100_000],
};

/** Parts of the bench, in their order. */
export const parts = ['copy', 'trigger', 'writers', 'swaps', 'memory', 'peers'] as const;
export type Part = (typeof parts)[number];
