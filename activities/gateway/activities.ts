import type { Allocation } from '../../domain/gateway/allocation';

/** Names an allocation: all that an undo ever needs, and all that fences a step. */
export interface AllocationRef {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly zone: string;
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
}
