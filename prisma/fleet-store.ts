import type {
  FleetEvent,
  FleetGateway,
  FleetReplica,
  GatewayConfiguration,
  ProfileRevision,
} from '../domain/fleet/gateway';
import type { ReplicaMove } from '../domain/fleet/lifecycle';
import type { Decision, HeldReplica } from '../domain/fleet/scaling';
import type { MachineTags } from '../domain/fleet/machine';
import type { Rollouts } from './rollout-store';

/** What a reconciliation found, decided and left behind. */
export interface Reconciliation {
  /** As it is now; null when it is deleted, by this one or before. */
  readonly gateway: FleetGateway | null;
  /** As they are now. */
  readonly replicas: readonly FleetReplica[];
  /** What was decided and is written; null when there was no such gateway. */
  readonly decision: Decision | null;
}

/** What may change of a gateway in place. */
export interface GatewayChange {
  readonly configuration: GatewayConfiguration;
  readonly profile?: ProfileRevision;
  /** Whether a scale-in may take replicas that organizations hold. */
  readonly scaleInForced?: boolean;
}

/** Gateways. Each method is one transaction with its events, and sees the named organization's gateways alone. */
export interface Gateways {
  /**
   * Enters a gateway as SUBMITTED; repeating it with the same id gives the same one. It becomes the organization's
   * default where its configuration says so, or says nothing and there is none.
   * @throws Failure CONFLICT (data: reason 'UniqueViolation') when the organization has another of that name.
   */
  create(input: {
    id: string;
    organizationId: string;
    configuration: GatewayConfiguration;
    profile: ProfileRevision;
    actor: string | null;
  }): Promise<FleetGateway>;
  get(organizationId: string, gatewayId: string): Promise<FleetGateway | null>;
  named(organizationId: string, name: string): Promise<FleetGateway | null>;
  /** By name. */
  list(organizationId: string): Promise<FleetGateway[]>;
  /** Of every organization, for sweeps. */
  all(): Promise<FleetGateway[]>;
  /**
   * Changes a gateway in place; nothing where nothing is different. With `version`, the gateway of that version only.
   * @throws Failure NOT_FOUND; CONFLICT (data: currentVersion); STATE_CONFLICT when it is FAILED or to be deleted;
   * INVALID_INPUT for what cannot change in place.
   */
  update(
    organizationId: string,
    gatewayId: string,
    change: GatewayChange,
    by: { actor: string | null; version?: number },
  ): Promise<FleetGateway>;
  /** Makes a gateway its organization's default instead of whichever was. @throws as {@link update} */
  setDefault(
    organizationId: string,
    gatewayId: string,
    by: { actor: string | null; version?: number },
  ): Promise<FleetGateway>;
  /** Marks a gateway for deletion; repeating it changes nothing. @throws Failure NOT_FOUND; CONFLICT (data: currentVersion). */
  markForDeletion(
    organizationId: string,
    gatewayId: string,
    by: { actor: string | null; version?: number },
  ): Promise<FleetGateway>;
  /**
   * Reads a gateway with its replicas, lets `decide` decide, and writes all of it with its events, or nothing: the
   * gateway's row guards the others, so of two at once one wins and the other decides again on what is there then.
   * @throws Failure CONFLICT when it lost five times.
   */
  reconcile(
    organizationId: string,
    gatewayId: string,
    decide: (gateway: FleetGateway, replicas: readonly HeldReplica[]) => Decision,
  ): Promise<Reconciliation>;
}

/** What is noted of a replica beside its state. */
export type ReplicaNotes = Partial<
  Pick<
    FleetReplica,
    | 'createPendingAt'
    | 'instanceId'
    | 'ssh'
    | 'serves'
    | 'hostPublicKey'
    | 'connectAttempts'
    | 'healthFailures'
    | 'appliedProfile'
  >
>;

/** Replicas of gateways. */
export interface Replicas {
  get(organizationId: string, replicaId: string): Promise<FleetReplica | null>;
  /** By number and generation, TERMINATED ones included; a gateway keeps the last of each number. */
  list(organizationId: string, gatewayId: string): Promise<FleetReplica[]>;
  /** Those of every organization that are not TERMINATED, for sweeps. */
  live(): Promise<FleetReplica[]>;
  /**
   * Moves a replica on by the table of domain/fleet/lifecycle.ts, with what is noted at the same moment and the event.
   * Repeating a move that ended there changes nothing. `retire` withdraws the replica from the pool. `drop` is refused
   * when a machine may exist, unless the caller has proof that there is none and says `createPendingAt: null`. RUNNING is
   * reached by {@link join} alone.
   * @throws Failure STATE_CONFLICT (data: state, allowed); NOT_FOUND.
   */
  move(
    organizationId: string,
    replicaId: string,
    move: Exclude<ReplicaMove, 'join'>,
    change?: ReplicaNotes & { statusMessage?: string | null },
  ): Promise<FleetReplica>;
  /** Notes something without an event. @throws Failure NOT_FOUND */
  note(organizationId: string, replicaId: string, notes: ReplicaNotes): Promise<FleetReplica>;
  /** Counts an attempt to connect, and returns how many it are now. @throws Failure NOT_FOUND */
  countConnectAttempt(organizationId: string, replicaId: string): Promise<number>;
  /** Counts a failed health check, or forgets them after one that passed, and returns how many it are now. @throws Failure NOT_FOUND */
  countHealth(organizationId: string, replicaId: string, passed: boolean): Promise<number>;
  /**
   * Makes a replica RUNNING and puts it into the pool, both or neither; repeating it changes nothing.
   * @param join.address `ip:port` that edges reach it at.
   * @throws Failure STATE_CONFLICT (data: state, allowed) when it is not PROVISIONING, or is to go; NOT_FOUND.
   */
  join(
    organizationId: string,
    replicaId: string,
    join: { name: string; secretHash: string; address: string; appliedProfile?: ProfileRevision },
  ): Promise<FleetReplica>;
}

export interface FleetEventFilter {
  readonly organizationId: string;
  /** Events of these gateways themselves. */
  readonly gateways?: readonly string[];
  /** Events of these replicas. */
  readonly replicas?: readonly string[];
  /** Events of these gateways and of all their replicas. */
  readonly within?: readonly string[];
  /** Events after this seq; with {@link descending} those before it. */
  readonly cursor?: number;
  /** Events recorded at this time or later; with {@link descending} at this time or earlier. */
  readonly recordedAt?: Date;
  readonly descending?: boolean;
  readonly limit: number;
}

/** What happened to gateways and replicas: only ever appended. */
export interface FleetEvents {
  page(filter: FleetEventFilter): Promise<FleetEvent[]>;
  /** The position of an event, for cursors that name one; null when there is none. */
  seqOf(organizationId: string, eventId: string): Promise<number | null>;
  /** Adds an event that no change of a row makes. */
  add(event: {
    organizationId: string;
    gatewayId: string;
    replicaId: string | null;
    message: string;
    actor: string | null;
  }): Promise<FleetEvent>;
}

/** A stored revision of a profile; never changed. */
export interface StoredProfile extends ProfileRevision {
  readonly organizationId: string;
  /** The specification as it was given, JSON. */
  readonly document: unknown;
  readonly createdAt: Date;
}

/** Profiles: each change is another revision. */
export interface Profiles {
  /** Keeps a specification under the next revision, or gives the latest where that is the same. */
  put(organizationId: string, name: string, document: unknown): Promise<StoredProfile>;
  /** A revision, the latest by default. */
  get(organizationId: string, name: string, revision?: number): Promise<StoredProfile | null>;
  /** The latest revision of each, by name. */
  list(organizationId: string): Promise<StoredProfile[]>;
}

/** A host of a static inventory, while a replica has it. */
export interface HostLease {
  readonly inventory: string;
  readonly host: string;
  readonly tags: MachineTags;
  readonly leasedAt: Date;
}

/** Who has which host of static inventories. A host is leased once at a time, a token has one host at most. */
export interface HostLeases {
  /**
   * Takes the first free of some hosts for a token; a token that has one already gets that again.
   * @returns null when none is free.
   */
  take(inventory: string, hosts: readonly string[], tags: MachineTags): Promise<HostLease | null>;
  find(token: string): Promise<HostLease | null>;
  /** Gives a host back if `token` still has it; repeating it changes nothing. @returns whether it had it. */
  release(inventory: string, host: string, token: string): Promise<boolean>;
  list(inventory: string): Promise<HostLease[]>;
}

/** Everything that is kept of gateways and their replicas. */
export interface Fleet {
  readonly gateways: Gateways;
  readonly replicas: Replicas;
  readonly events: FleetEvents;
  readonly profiles: Profiles;
  readonly hosts: HostLeases;
  readonly rollouts: Rollouts;
  /** The id of this installation, which its machines carry as their owner: the one proposed first. */
  installation(proposed: string): Promise<string>;
}
