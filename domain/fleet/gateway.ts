import type { Versioned } from '../gateway/allocation';
import type { GatewayState, ReplicaState } from './lifecycle';
import type { SshAddress } from './machine';

/** What a team declares. The members are those of dstack's `type: gateway`, and `profile`. */
export interface GatewayConfiguration {
  readonly type: 'gateway';
  readonly name: string;
  /** Whether it is to be the organization's default gateway; null: if there is none yet. */
  readonly default: boolean | null;
  readonly backend: string;
  readonly region: string;
  /** The backend's own name of a size; its default when null. */
  readonly instanceType: string | null;
  /** The domain below which its services are reached; may hold `${{ run.project_name }}`. */
  readonly domain: string | null;
  readonly publicIp: boolean;
  readonly certificate: Certificate | null;
  /** How many replicas are wanted. */
  readonly replicas: number;
  /** The team's own tags for its machines. */
  readonly tags: Readonly<Record<string, string>> | null;
  /** The profile that its replicas are configured from; null for the default one. */
  readonly profile: string | null;
}

export interface Certificate {
  readonly type: 'lets-encrypt' | 'acm' | 'gcp-cm';
  /** Of an `acm` certificate. */
  readonly arn?: string;
}

/** A revision of a profile: what configuring a replica does. Revisions only rise. */
export interface ProfileRevision {
  readonly name: string;
  readonly revision: number;
}

/** A change of a gateway's profile. */
export interface ProfileChange {
  /** From 1; counts the changes of the gateway's profile. */
  readonly number: number;
  /** What its replicas had before. */
  readonly from: ProfileRevision;
}

/** Whether two names of revisions are the same; no revision is the same as none. */
export function isSameProfile(one: ProfileRevision | null, other: ProfileRevision | null): boolean {
  return one?.name === other?.name && one?.revision === other?.revision;
}

/** The profile that is shipped, for organizations that have none named `default`; their own revisions begin with 1. */
export const shippedProfile: ProfileRevision = { name: 'default', revision: 0 };

/** A gateway: a named fleet in a backend and region that wants some replicas. */
export interface FleetGateway extends Versioned {
  readonly id: string;
  readonly organizationId: string;
  /** Unique in its organization for as long as the gateway is there. */
  readonly name: string;
  /** As it was last applied. */
  readonly configuration: GatewayConfiguration;
  readonly state: GatewayState;
  /** Why it is in its state, for people. */
  readonly statusMessage: string | null;
  /** Whether it is its organization's default gateway; an organization has at most one. */
  readonly isDefault: boolean;
  /** Since when it is to be deleted. */
  readonly deletionMarkedAt: Date | null;
  readonly desiredReplicas: number;
  /** Whether a scale-in may take replicas that organizations hold; their allocations are moved or waited for. */
  readonly scaleInForced: boolean;
  /** How often in a row it was tried to make up for missing replicas. */
  readonly scaleAttempt: number;
  readonly lastScaleAttemptAt: Date | null;
  /** When its configuration was last changed in place. */
  readonly lastUpdateAt: Date | null;
  /** The domain below which its services are reached; the configuration's, kept in step. */
  readonly wildcardDomain: string | null;
  /** What its replicas are to be configured with. */
  readonly profile: ProfileRevision;
  /** The last change of its profile, until its replicas have that or it was taken back; null when there is none. */
  readonly rollout: ProfileChange | null;
  readonly createdAt: Date;
}

/** A replica of a gateway: one machine at most, ever; a replacement is another replica. */
export interface FleetReplica extends Versioned {
  readonly id: string;
  readonly gatewayId: string;
  readonly organizationId: string;
  /** From 0; no two replicas of a gateway that are not TERMINATED have the same. */
  readonly num: number;
  /** From 1; counts the replicas that a gateway has had under this number. */
  readonly generation: number;
  readonly state: ReplicaState;
  /** Why it is in its state, for people. */
  readonly statusMessage: string | null;
  readonly backend: string;
  readonly region: string;
  /** The idempotency token of its machine (see machine.ts). */
  readonly token: string;
  /**
   * When the backend was last asked for its machine, set before it is, or last gave it. Null: it certainly has none.
   */
  readonly createPendingAt: Date | null;
  readonly instanceId: string | null;
  /** Where the machine's sshd listens. */
  readonly ssh: SshAddress | null;
  /** `ip:port` that edges reach it at. */
  readonly serves: string | null;
  /** The public key that its sshd must identify itself with, one line. */
  readonly hostPublicKey: string | null;
  /** It was told to go because fewer replicas are wanted. */
  readonly scaleIn: boolean;
  /** Attempts to connect so far; they survive restarts. */
  readonly connectAttempts: number;
  /** Health checks failed in a row. */
  readonly healthFailures: number;
  /** What it was last configured with; null before. */
  readonly appliedProfile: ProfileRevision | null;
  /** The run that is giving it another one; nobody is given the replica meanwhile. */
  readonly rollout: string | null;
  readonly createdAt: Date;
  /** When it joined the pool. */
  readonly runningAt: Date | null;
  readonly terminatedAt: Date | null;
}

/** What people call a replica: `edge-0`. */
export function replicaName(gatewayName: string, num: number): string {
  return `${gatewayName}-${num}`;
}

/** Something that happened to a gateway or a replica; never changed. */
export interface FleetEvent {
  /** Position in the commit order of all events. */
  readonly seq: number;
  readonly id: string;
  readonly organizationId: string;
  readonly gatewayId: string;
  /** Null where it concerns the gateway itself. */
  readonly replicaId: string | null;
  readonly message: string;
  readonly recordedAt: Date;
  readonly targets: readonly EventTarget[];
  /** Who asked for it; null for Gatewright itself. */
  readonly actor: string | null;
}

/** What an event is about, by the name it had then. */
export interface EventTarget {
  readonly type: 'gateway' | 'gateway-replica' | 'project';
  readonly id: string;
  readonly name: string;
}
