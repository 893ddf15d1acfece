import type { FailureView } from '../../domain/saga';
import type { GatewayRef, ReplicaRef, SweepReport } from '../../domain/fleet/contract';
import type { FleetPolicy } from '../../domain/fleet/policy';

/** What a look at a gateway came to. */
export interface Reconciled {
  /** Replicas that live: each has a workflow, or needs one. */
  readonly replicas: readonly string[];
  /** Those among them that were told to go, by this look or one before. */
  readonly retiring: readonly string[];
  /** Milliseconds until something may be due without anybody asking; null when nothing is. */
  readonly lookAgainInMs: number | null;
  /** The gateway is deleted. */
  readonly over: boolean;
}

/** Why a replica's provisioning is taken back. */
export interface Because {
  /** The step that failed; none where it was cancelled between two. */
  readonly step?: string;
  readonly error: FailureView;
}

/** A replica, and the bounds that its work keeps to. */
export interface ReplicaWork extends ReplicaRef {
  readonly fleet: FleetPolicy;
}

/** What a replica's workflow does next. */
export type Stage = 'provision' | 'serve' | 'retire' | 'over';

/** The activities of gateways' and replicas' lives. Each is safe to repeat, and finds what an attempt before it left. */
export interface FleetActivities {
  /** Compares what a gateway wants with what it has and decides, in one transaction; does no replica's work. */
  reconcile(work: GatewayRef & { readonly fleet: FleetPolicy }): Promise<Reconciled>;
  /** Where a replica stands. */
  stage(ref: ReplicaRef): Promise<Stage>;

  /** Persists what the machine is created with, before it is: token, host key, the pool's secret. */
  prepare(ref: ReplicaRef): Promise<void>;
  /** The undo of `prepare`, last of all: the replica is TERMINATED. */
  settle(end: ReplicaRef & { readonly leftBehind: readonly string[]; readonly because?: Because }): Promise<void>;
  /** Adopts the machine of the replica's token, or creates it. */
  createMachine(ref: ReplicaRef): Promise<{ readonly instanceId: string }>;
  /** Destroys whatever carries the replica's token, and proves it gone. */
  destroyMachine(end: ReplicaWork & { readonly because?: Because }): Promise<void>;
  /** Waits until the machine runs and has an address; ends what else carries its token. */
  awaitAddress(work: ReplicaWork): Promise<void>;
  /** One attempt to connect, counted in the store. */
  connect(work: ReplicaWork): Promise<void>;
  /** Makes the machine what the gateway's profile says. */
  configure(work: ReplicaWork): Promise<void>;
  /** Waits until the health check passes. */
  awaitHealthy(work: ReplicaWork): Promise<void>;
  /** The replica is RUNNING and in the pool. */
  joinPool(ref: ReplicaRef): Promise<void>;
  /** The replica is not in the pool any more. */
  leavePool(ref: ReplicaRef): Promise<void>;

  /** Checks a replica's health again and again. Returns when it has failed often enough, with the reason. */
  watch(work: ReplicaWork): Promise<{ readonly unhealthy: string }>;
  /** Nobody is given the replica any more; it is TERMINATING. */
  withdraw(end: ReplicaRef & { readonly reason?: string }): Promise<void>;
  /** Waits until no organization holds the replica. */
  awaitFree(work: ReplicaWork): Promise<void>;

  /** Compares what every backend holds with what the store says. */
  sweep(input: { readonly dryRun: boolean; readonly fleet: FleetPolicy }): Promise<SweepReport>;
  /** Gateways and replicas that are there and have no workflow that runs. */
  findIdle(): Promise<{ readonly gateways: readonly GatewayRef[]; readonly replicas: readonly ReplicaRef[] }>;
}
