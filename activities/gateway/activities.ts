import type { Allocation } from '../../domain/gateway/allocation';
import type { Held } from '../../domain/gateway/contract';

/** Names an allocation: all that an undo ever needs, and all that fences a step. */
export interface AllocationRef {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly zone: string;
}

/** Names a move of an allocation to another replica. */
export interface MoveRef {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly moveId: string;
  readonly from: Held;
}

/** What `allocate` hands to the steps after it. */
export type Slot = Pick<Allocation, 'hostname' | 'address' | 'replicaId' | 'epoch'>;

/** A route change that the edges have to carry. */
export interface RouteChange {
  readonly revision: number;
  readonly edges: readonly string[];
}

/** What an edge did with a revision. */
export interface Published {
  readonly edge: string;
  /** `down`: nginx does not run, and will come up with this generation. */
  readonly state: 'live' | 'down';
  readonly generation: number;
  /** How many waiting changes shared the reload. */
  readonly coalesced: number;
}

/** What became of telling a replica to let an epoch go. */
export type EpochReleased = 'released' | 'unconfirmed';

/** Every step of a gateway run and its undo. All are safe to repeat and fenced by the allocation's id and epoch. */
export interface GatewayActivities {
  allocate(ref: AllocationRef): Promise<Slot>;
  /** With a reason, the replica is kept out of the pool. */
  release(input: AllocationRef & { readonly quarantine?: string }): Promise<void>;

  registerDns(ref: AllocationRef): Promise<void>;
  removeDns(ref: AllocationRef): Promise<void>;

  writeRoute(ref: AllocationRef): Promise<RouteChange>;
  /** Answers with every edge: each has to prove the removal. */
  removeRoute(ref: AllocationRef): Promise<RouteChange>;
  /** Puts back what `removeRoute` removed, while the allocation is open; of an abandoned start's there is nothing. */
  restoreRoute(ref: AllocationRef): Promise<RouteChange>;

  publish(input: { readonly edge: string; readonly revision: number }): Promise<Published>;
  noteEdgeBehind(input: { readonly edge: string; readonly reason: string }): Promise<void>;

  /** Also makes the allocation live. */
  handshake(ref: AllocationRef): Promise<void>;
  releaseEpoch(ref: AllocationRef): Promise<EpochReleased>;

  beginStop(ref: AllocationRef): Promise<Slot>;
  /** A stop that was taken back: the allocation is live again, unless its start was abandoned. */
  abortStop(ref: AllocationRef): Promise<void>;

  /** Takes another replica for a live allocation. */
  reserve(ref: MoveRef): Promise<Slot>;
  /** Gives back the replica that the allocation does not have. With a reason, it is kept out of the pool. */
  unreserve(ref: MoveRef & { readonly quarantine?: string }): Promise<void>;
  /** The handshake with the replica that was reserved. */
  greet(ref: MoveRef): Promise<void>;
  /** Tells the replica that the allocation does not have to let its epoch go. */
  letGo(ref: MoveRef): Promise<EpochReleased>;
  /** Makes sure of the records of a live allocation. */
  confirmDns(ref: MoveRef): Promise<void>;
  /** Has the allocation hold the replica that was reserved, and its route lead there. Answers with every edge. */
  exchange(ref: MoveRef): Promise<RouteChange>;
  giveBack(ref: MoveRef): Promise<RouteChange>;
}
