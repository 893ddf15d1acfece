import type { FleetReplica } from '../domain/fleet/gateway';

/** Which change of which gateway's profile, and the run that carries it out. */
export interface RolloutKey {
  readonly organizationId: string;
  readonly gatewayId: string;
  /** The number of the change. */
  readonly number: number;
  readonly run: string;
}

/** Giving the replicas of a gateway another revision of its profile. Every method is one transaction. */
export interface Rollouts {
  /**
   * Lets nobody be given a running replica while a run configures it; repeating it changes nothing.
   * @returns false for a replica that does not run or is to go.
   * @throws Failure CONFLICT, retryable, while another run configures it.
   */
  hold(key: RolloutKey, replicaId: string): Promise<boolean>;
  /** Ends a run's hold: the replica can be given to organizations again, unless it is to go. */
  letGo(key: RolloutKey, replicaId: string): Promise<void>;
  /**
   * Has the gateway's former profile hold again, where this is still the last change of it; repeating it changes nothing.
   * @returns whether this is the last change.
   */
  takeBack(key: RolloutKey): Promise<boolean>;
  /**
   * Notes that a rollout has ended. @returns the replicas that its run still holds.
   */
  settle(key: RolloutKey): Promise<FleetReplica[]>;
}
