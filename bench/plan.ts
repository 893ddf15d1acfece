/** How much is measured. */
export interface Plan {
  /** Rounds of starts one at a time with 1,000 organizations routed; each round measures every way once. */
  readonly rounds: number;
  /** The same with 10 and 10,000, and for other placements. */
  readonly fewRounds: number;
  readonly failing: number;
  readonly bursts: number;
  /** Seconds of each sustained load. */
  readonly seconds: number;
  /** Steps in which the worker and Temporal are killed. */
  readonly killsIn: readonly string[];
  /** Seconds until what nobody uses is called idle. */
  readonly idleSeconds: number;
}

/** The whole bench: some nine minutes. */
export const fullPlan: Plan = {
  rounds: 150,
  fewRounds: 50,
  failing: 20,
  bursts: 3,
  seconds: 8,
  killsIn: ['allocate', 'dns', 'route', 'reload', 'handshake'],
  idleSeconds: 20,
};

/** A look: about a minute. Its p99 is a maximum. */
export const quickPlan: Plan = {
  rounds: 20,
  fewRounds: 8,
  failing: 4,
  bursts: 1,
  seconds: 3,
  killsIn: ['dns', 'reload'],
  idleSeconds: 5,
};
