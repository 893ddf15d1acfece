import type { DatabaseRef, QueueLife, QueueTicket, RequestRef } from '../../domain/deploy/contract';
import type { DeploymentMoveName, DeploymentState } from '../../domain/deploy/states';
import type { FailureView } from '../../domain/saga';

/** The steps of deploy requests, in the order in which they run, and what is noted of them. */
export interface DeployActivities {
  /** Where a request stands, for a workflow that begins or goes on. */
  standing(ref: RequestRef): Promise<Standing>;
  /** Moves a request on, noting what goes with it. Repeating it changes nothing. @throws Failure STATE_CONFLICT */
  move(moving: Moving): Promise<void>;
  /** Notes that `deploy` was accepted. @throws Failure STATE_CONFLICT when it was closed before. */
  accept(ref: RequestRef & { readonly instant: boolean }): Promise<void>;
  /** Closes a request that was never deployed. @throws Failure STATE_CONFLICT */
  closeRequest(ref: RequestRef & { readonly by: string }): Promise<void>;
  /** Notes what somebody set. */
  set(ref: RequestRef & Settable): Promise<void>;
  /** How far it is, in Markdown. */
  describe(ref: RequestRef): Promise<string>;

  /** Compares, plans and lints; notes the plan. */
  check(ref: RequestRef & { readonly again: boolean }): Promise<Checked>;

  join(asking: QueueAsking): Promise<void>;
  leave(asking: QueueAsking): Promise<void>;

  prepareChange(ref: RequestRef): Promise<void>;
  /** Takes a change back that was never live, and proves that nothing is left of it. */
  takeBack(ref: RequestRef): Promise<void>;
  copy(ref: RequestRef): Promise<void>;
  /** Compares both sides. @throws Failure SIDES_DIFFER */
  prove(ref: RequestRef): Promise<void>;
  /** Keeps both sides alike for as long as the request is in this state. */
  follow(ref: RequestRef & { readonly state: DeploymentState }): Promise<void>;
  /** Swaps, trying for as long as its policy says; what holds it up is an answer. */
  cutOver(ref: RequestRef & Trying): Promise<SwapOutcome>;
  /** @throws Failure REVERT_LOSES (data: losses) when a revert would lose values now. */
  refuseLosses(ref: RequestRef): Promise<void>;
  revert(ref: RequestRef & Trying & { readonly acceptLosses: boolean }): Promise<SwapOutcome>;
  /** Keeps what is live and removes the rest. */
  finish(ref: RequestRef): Promise<void>;
  /** Which side of a failed request is live: `new` also where nothing tells any more that there was another. */
  remains(ref: RequestRef): Promise<Remains>;
  /**
   * Notes what follows from what is live now: the branch goes on from there. @returns whether the branch is to be deleted,
   * which is noted then, too.
   */
  conclude(ref: RequestRef & { readonly reverted: boolean }): Promise<{ readonly deletes: string | null }>;

  /** The requests of a queue that have its place or wait for it, as the store knows them. */
  line(queue: QueueLife): Promise<readonly QueueTicket[]>;
  /** Which requests will not leave by themselves: those that are over and whose workflow does not run. */
  gone(asking: { readonly queue: QueueLife; readonly tickets: readonly QueueTicket[] }): Promise<readonly string[]>;
}

/** As much of a request as its workflow goes by. */
export interface Standing {
  readonly state: DeploymentState;
  readonly deployed: boolean;
  readonly closed: boolean;
  readonly instant: boolean;
  readonly autoCutover: boolean;
  readonly error: FailureView | null;
  /** ISO time. */
  readonly revertWindowEndsAt: string | null;
  readonly database: string;
  readonly branch: string;
  readonly intoBranch: string;
}

export interface Moving extends RequestRef {
  readonly move: DeploymentMoveName;
  /** ISO time of the move. */
  readonly at: string;
  /** Who caused it. */
  readonly by?: string;
  /** Null where an earlier one is over. */
  readonly error?: FailureView | null;
  /** ISO time. */
  readonly revertWindowEndsAt?: string;
}

/** What can be set at any time; `forced` that a cut-over may end the sessions that hold it up. */
export interface Settable {
  readonly throttle?: number;
  readonly autoCutover?: boolean;
  readonly forced?: boolean;
  readonly error?: FailureView;
}

/** What a check found: an error keeps the request from being deployed. */
export interface Checked {
  readonly result: 'changes' | 'none' | 'error';
  readonly error: FailureView | null;
}

export interface QueueAsking {
  readonly queue: QueueLife;
  readonly ticket: QueueTicket;
}

export interface Trying {
  /** Milliseconds of attempts. */
  readonly deadlineMs: number;
}

/** What became of the attempts at a swap. */
export type SwapOutcome = { readonly swapped: true } | { readonly swapped: false; readonly heldUp: FailureView };

export type Remains = 'nothing' | 'unapplied' | 'new' | 'old';

export type { DatabaseRef };
