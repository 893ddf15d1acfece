import type { Allocation } from '../domain/gateway/allocation';
import type { Held } from '../domain/gateway/contract';

/** Names a move and what it moves: all that its steps and undos are fenced by. */
export interface MoveKey {
  readonly moveId: string;
  readonly allocationId: string;
  /** The replica that the allocation is moved away from, by the epoch that it has there. */
  readonly from: Held;
}

/**
 * Moves of allocations from one replica to another. A move holds one replica itself, as an allocation of its own that
 * no organization has: first the one that the allocation is to have, and, once they are exchanged, the one that it had.
 * So at every moment each of the two replicas is held by exactly one of them, and releasing the move (`Pool.release` by
 * its id) gives back whichever the allocation does not have. Every method is one transaction.
 */
export interface Moves {
  /**
   * Takes one free replica of the pool for an allocation, raising its epoch. Repeating it answers with the same.
   * @throws Failure POOL_EMPTY; ALLOCATION_BUSY (data: allocationId, runId, state) while another move of the same
   * allocation is under way; ALLOCATION_GONE when this move was released.
   */
  reserve(move: {
    moveId: string;
    allocationId: string;
    organizationId: string;
    hostname: string;
    runId: string;
  }): Promise<Allocation>;
  /** What a move holds, or held last; null when it never held anything. */
  find(moveId: string): Promise<Allocation | null>;
  /**
   * Exchanges the replicas of the allocation and the move, and with them the address of the desired route. Repeating it
   * changes nothing.
   * @returns the revision of the route.
   * @throws Failure STATE_CONFLICT (data: state) unless the allocation is live where it is moved away from;
   * ALLOCATION_GONE when the move was taken back.
   */
  exchange(move: MoveKey): Promise<{ revision: number }>;
  /**
   * Takes {@link exchange} back where it happened and the allocation is still live; a late one is refused from now on.
   * What is being stopped meanwhile keeps the replica it has.
   * @returns the revision of the route.
   */
  giveBack(move: MoveKey): Promise<{ revision: number }>;
}
