import type { FailureView } from '../../domain/saga';
import type { GatewayRef, ReplicaRef, Rollout, SweepReport } from '../../domain/fleet/contract';
import type { ProfileRevision } from '../../domain/fleet/gateway';
import type { Held } from '../../domain/gateway/contract';
import type { FleetPolicy } from '../../domain/fleet/policy';

/** What a look at a gateway came to. */
export interface Reconciled {
  /** Replicas that live: each has a workflow, or needs one. */
  readonly replicas: readonly string[];
  /** Those among them that were told to go, by this look or one before. */
  readonly retiring: readonly string[];
  /** Milliseconds until something may be due without anybody asking; null when nothing is. */
  readonly lookAgainInMs: number | null;
  /** The change of its profile that its replicas are to be given now; null for none. */
  readonly rollout: Pick<Rollout, 'number' | 'from' | 'to'> | null;
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

/** Which change of a gateway's profile, and the run that carries it out. */
export interface RolloutRef extends GatewayRef {
  readonly number: number;
  readonly run: string;
}

/** A replica that a rollout gives a revision of a profile. */
export interface Rolling extends RolloutRef {
  readonly replicaId: string;
  readonly profile: ProfileRevision;
  readonly fleet: FleetPolicy;
}

/** A replica that lacks what a rollout gives. */
export interface Lacking {
  readonly replicaId: string;
  readonly num: number;
  readonly generation: number;
}

/** Which replicas of a gateway a rollout looks for. */
export interface LackingWork extends RolloutRef {
  readonly profile: ProfileRevision;
  /** Replicas that are not looked at. */
  readonly except: readonly string[];
  readonly fleet: FleetPolicy;
}

/** The allocation that holds a replica which is to go. */
export interface Holder {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly from: Held;
}

/** What became of moving it: where it is now, or why it stays. */
export type Became =
  { readonly movedTo: string; readonly run: string } | { readonly stays: FailureView; readonly run: string };

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
  /**
   * Waits until nobody holds the replica, or whoever does is to be moved: when it was waited for long enough, at once
   * where the replica does not answer any more. With `blocked`, only for as long as there is nowhere to move it to.
   * @returns who holds it; null for nobody.
   */
  awaitFree(work: ReplicaWork & { readonly since: number; readonly blocked: boolean }): Promise<Holder | null>;
  /** Tells what becomes of whoever holds the replica, in the run and in the replica's events. */
  noteHolder(note: ReplicaRef & { readonly holder: Holder; readonly became: Became }): Promise<void>;

  /** The next replica that lacks a revision, once none may come up without it any more; null for none. */
  nextLacking(work: LackingWork): Promise<Lacking | null>;
  /** Whether a rollout is still that of the last change, of a gateway that lives. */
  isWanted(ref: RolloutRef): Promise<boolean>;
  /** Lets nobody be given a replica that is about to be configured. @returns false for one that is to go. */
  holdReplica(work: Rolling): Promise<boolean>;
  /** Makes a replica that runs what a revision of its profile says. */
  configureAs(work: Rolling): Promise<void>;
  /** Waits until it passes the health check of that revision. */
  awaitHealthyAs(work: Rolling): Promise<void>;
  /** Ends what `holdReplica` began. */
  letReplicaGo(work: Rolling & { readonly given: boolean }): Promise<void>;
  /** Has the former revision hold again. @returns whether this is still the last change. */
  takeProfileBack(ref: RolloutRef): Promise<boolean>;
  /**
   * Notes that a rollout is over, and what all replicas have now.
   * @returns replicas that it still held, and that are to go for it.
   */
  settleRollout(end: RolloutRef & { readonly reached: ProfileRevision | null }): Promise<readonly string[]>;

  /** Compares what every backend holds with what the store says. */
  sweep(input: { readonly dryRun: boolean; readonly fleet: FleetPolicy }): Promise<SweepReport>;
  /** Gateways and replicas that are there and have no workflow that runs. */
  findIdle(): Promise<{ readonly gateways: readonly GatewayRef[]; readonly replicas: readonly ReplicaRef[] }>;
}
