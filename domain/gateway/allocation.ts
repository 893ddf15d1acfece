/** The state of an organization's hold on a replica. */
export const AllocationState = {
  /** The start is under way; nothing may be promised of the host name. */
  starting: 'starting',
  /** Handshake done: the host name answers. */
  live: 'live',
  stopping: 'stopping',
  /** Over: the replica went back to the pool, or into quarantine. */
  released: 'released',
} as const;
export type AllocationState = (typeof AllocationState)[keyof typeof AllocationState];

/** A change of an allocation's state: where it may begin, where it ends, and what makes it. */
export interface AllocationMove {
  readonly from: readonly AllocationState[];
  readonly to: AllocationState;
  readonly when: string;
}

/** Every change of an allocation's state after `allocate` has made it `starting`. */
export const allocationMoves = {
  confirm: { from: ['starting'], to: 'live', when: 'the replica confirms its epoch' },
  stop: { from: ['live'], to: 'stopping', when: 'a stop begins' },
  stopLeftover: { from: ['starting'], to: 'stopping', when: 'a stop begins after its start was abandoned' },
  abortStop: { from: ['stopping'], to: 'live', when: 'a stop is taken back' },
  letGo: { from: ['starting', 'live'], to: 'stopping', when: 'the replica is told to let its epoch go' },
  release: {
    from: ['starting', 'live', 'stopping'],
    to: 'released',
    when: 'the replica is given back or quarantined',
  },
} as const satisfies Record<string, AllocationMove>;

/** The states in which a move finds an allocation: those it may begin in, and, when it is repeated, its own end. */
export function found({ from, to }: AllocationMove): readonly AllocationState[] {
  return [...from, to];
}

/** A stored row's version; every change raises it by one. */
export interface Versioned {
  readonly resourceVersion: number;
}

export interface Allocation extends Versioned {
  readonly id: string;
  readonly organizationId: string;
  readonly replicaId: string;
  /** The replica's epoch that this allocation raised. */
  readonly epoch: number;
  readonly hostname: string;
  /** `ip:port` of the replica. */
  readonly address: string;
  readonly state: AllocationState;
  /** The run that made it. */
  readonly runId: string;
  readonly createdAt: Date;
  readonly releasedAt: Date | null;
}

/** A replica as the pool knows it. */
export interface Replica extends Versioned {
  readonly id: string;
  readonly name: string;
  /** `ip:port`, as it announced itself; null before that. */
  readonly address: string | null;
  readonly epoch: number;
  /** Whether it has announced itself since it was registered. */
  readonly ready: boolean;
  readonly quarantinedAt: Date | null;
  readonly quarantineReason: string | null;
  /** The allocation that holds it. */
  readonly allocationId: string | null;
  /** Since when nobody is given it, because it is about to leave the pool. */
  readonly withdrawnAt: Date | null;
}

/** One organization's desired route, or the tombstone of one that was removed. */
export interface Route {
  readonly allocationId: string;
  readonly hostname: string;
  /** `ip:port` of the replica. */
  readonly address: string;
  readonly removed: boolean;
  /** Position in the commit order of all route changes. */
  readonly revision: number;
}

/** An edge as the store knows it. */
export interface Edge extends Versioned {
  readonly name: string;
  /** The highest generation number that any publisher has claimed. */
  readonly claimedGeneration: number;
  /** The generation last proven live. */
  readonly liveGeneration: number;
  /** The route revision that the live generation includes. */
  readonly liveRevision: number;
  /** How many generations were made live, and how many route changes they carried together. */
  readonly reloads: number;
  readonly routesPublished: number;
  /** Since when it has not carried what it should; null when it is right. */
  readonly behindSince: Date | null;
  readonly behindReason: string | null;
}
