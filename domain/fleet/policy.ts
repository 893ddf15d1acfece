/**
 * Every duration and bound of the fleet. It travels in workflows' inputs, so that what is under way keeps the one it
 * began with.
 */
export interface FleetPolicy {
  /** Replicas that a gateway may have at most. */
  readonly maxReplicas: number;
  /**
   * Milliseconds to wait before each further attempt to make up for missing replicas: the first after one attempt, the
   * last for all that follow. The first attempt is made at once.
   */
  readonly scaleOutDelaysMs: readonly number[];
  /** Attempts in a row before it is given up until somebody changes the gateway. */
  readonly scaleOutAttempts: number;
  /** Milliseconds that all replicas must have run before those attempts are forgotten: what fails sooner counts as one. */
  readonly steadyMs: number;
  /** Milliseconds between two looks at replicas that only an allocation keeps from being scaled in. */
  readonly heldLookMs: number;

  /** Milliseconds that one call of a backend may take. */
  readonly cloudTimeoutMs: number;
  /** Calls that create a machine before its replica is given up. */
  readonly createAttempts: number;
  /** Milliseconds until a machine must run and have an address. */
  readonly addressDeadlineMs: number;
  /** Milliseconds between two looks at a machine that is coming up or going. */
  readonly machineLookMs: number;
  /** Attempts to connect over SSH before the replica is given up. */
  readonly connectAttempts: number;
  /** Milliseconds that one attempt to connect may take. */
  readonly connectTimeoutMs: number;
  /** Milliseconds after the first failed attempt to connect; doubles up to {@link connectMaxIntervalMs}. */
  readonly connectIntervalMs: number;
  readonly connectMaxIntervalMs: number;
  /** Milliseconds that configuring a machine may take, all its scripts together. */
  readonly configureDeadlineMs: number;
  /** Milliseconds until a configured machine must pass its first health check. */
  readonly healthyDeadlineMs: number;

  /** Milliseconds between two health checks of a running replica. */
  readonly healthIntervalMs: number;
  /** Milliseconds that one health check may take. */
  readonly healthTimeoutMs: number;
  /** Failed checks in a row that make a replica unhealthy. */
  readonly healthFailures: number;

  /** Milliseconds that a replica which is to go waits for its allocation to end before it is moved. */
  readonly drainMs: number;
  /** Milliseconds for which a profile that all replicas of a gateway have got can be taken back. */
  readonly rolloutRevertMs: number;
  /** Milliseconds until a machine that was terminated must be proven gone before a person is asked. */
  readonly goneDeadlineMs: number;

  /** Milliseconds between two sweeps. */
  readonly sweepIntervalMs: number;
  /** Milliseconds that a machine without a replica must be there before a sweep destroys it. */
  readonly sweepGraceMs: number;
}

const MINUTE = 60_000;

/** What holds where nothing else is configured. */
export const defaultFleetPolicy: FleetPolicy = {
  maxReplicas: 9,
  // A backend without capacity often has some again within the hour; fifteen attempts are about six hours.
  scaleOutDelaysMs: [1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE),
  scaleOutAttempts: 15,
  steadyMs: MINUTE,
  heldLookMs: 10_000,

  cloudTimeoutMs: 30_000,
  createAttempts: 3,
  addressDeadlineMs: 5 * MINUTE,
  machineLookMs: 500,
  // With the intervals about five minutes: a machine that boots slowly is not given up.
  connectAttempts: 65,
  connectTimeoutMs: 5_000,
  connectIntervalMs: 100,
  connectMaxIntervalMs: 5_000,
  configureDeadlineMs: 15 * MINUTE,
  healthyDeadlineMs: 2 * MINUTE,

  healthIntervalMs: 5_000,
  healthTimeoutMs: 2_000,
  healthFailures: 3,

  drainMs: MINUTE,
  rolloutRevertMs: 30 * MINUTE,
  goneDeadlineMs: 5 * MINUTE,

  sweepIntervalMs: 5 * MINUTE,
  // Longer than a create call can be under way unseen.
  sweepGraceMs: 10 * MINUTE,
};
