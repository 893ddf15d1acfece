import type { DatabaseRef, QueueLife, QueueTicket, RequestRef } from '../../domain/deploy/contract';
import type { DeploymentMoveName, DeploymentState } from '../../domain/deploy/states';
import type { ApplyAction } from '../../domain/rollout/actions';
import type { Wanted } from '../../domain/rollout/apply';
import type { ApplyNow, ApplyTold, OperationRef } from '../../domain/rollout/contract';
import type { OwnMove } from '../../domain/rollout/words';
import type { FailureView } from '../../domain/saga';

/**
 * The steps of deploy requests, in the order in which they run, and what is noted of them. Whatever a ref with an operation
 * is given to, is about the share of that deployment alone.
 */
export interface DeployActivities extends RolloutActivities, OwnActivities {
  /**
   * Where a request stands, for a workflow that begins or goes on. Of an operation, it notes that its workflow is there: a
   * new attempt goes on from then, and a cut-over that was cut off is `recovering`.
   * @throws Failure STATE_CONFLICT for an operation's workflow when there is a later one.
   */
  standing(ref: RequestRef): Promise<Standing>;
  /**
   * Moves a request on, noting what goes with it. Repeating it changes nothing. What was wanted of an operation and is done
   * with the move, is not wanted any more; a revert that is held up or fails ends the revert of the others.
   * @throws Failure STATE_CONFLICT
   */
  move(moving: Moving): Promise<void>;
  /** Notes that `deploy` was accepted. @throws Failure STATE_CONFLICT when it was closed before. */
  accept(ref: RequestRef & { readonly instant: boolean }): Promise<void>;
  /** Closes a request that was never deployed. @throws Failure STATE_CONFLICT */
  closeRequest(ref: RequestRef & { readonly by: string }): Promise<void>;
  /** Notes what somebody set. */
  set(ref: RequestRef & Settable): Promise<void>;
  /** How far it is, in Markdown. */
  describe(ref: RequestRef): Promise<string>;

  /**
   * Compares, plans and lints; notes the plan. Over several deployments each is compared with the first, and with `again`
   * their schemas are locked and the apply is entered.
   */
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

/** What is done for a deploy over several deployments; all take the ref of the request. */
export interface RolloutActivities {
  /**
   * Decides what comes next and writes it down: the one who calls it starts and tells whoever is named, and calls again
   * whenever something has moved. One short transaction; its answer is small however many deployments there are.
   */
  rollOn(ref: RequestRef & RollingOn): Promise<RolledOn>;
  /**
   * Notes what somebody says to an apply, and does what needs no workflow. For `revert` look for losses before, by
   * `refuseLosses` of the request.
   * @throws Failure STATE_CONFLICT (data: state, allowed), INVALID_INPUT
   */
  tellApply(ref: RequestRef & ApplyTold & Telling): Promise<ApplyNow>;
  /** Finds operations whose workflow is gone, and notes that. Takes as long as it takes to ask for each. */
  rollCall(ref: RequestRef): Promise<{ readonly lost: number }>;
  /** Notes that the workflow of an operation ends, and has its apply hear of it; one of an earlier epoch changes nothing. */
  endOperation(ref: RequestRef): Promise<void>;
  /** Gives back what a settled apply, or one that was not begun, still holds. Repeating it changes nothing. */
  settleApply(ref: RequestRef): Promise<void>;
}

/**
 * What an operation does from one word of its apply to the next; all take its own ref. What it is told is in its row: each
 * looks for it there, and notes in the row how far it is.
 */
export interface OwnActivities {
  /** Makes, fills and proves the new tables. @throws Failure SIDES_DIFFER */
  makeReady(ref: RequestRef): Promise<void>;
  /** Keeps both sides alike until it is told to cut over, and does so, as {@link DeployActivities.cutOver}. */
  cutOverWhenTold(ref: RequestRef & Trying & Resting): Promise<SwapOutcome | Interrupted>;
  /** Keeps both sides alike until it is told that nobody wants a revert any more, and removes what is not live. */
  finishWhenTold(ref: RequestRef): Promise<Finished | Interrupted>;
}

export interface Resting {
  /** Milliseconds after which it does at the earliest what it is told; others things at once. */
  readonly restMs: number;
}

export interface Finished {
  readonly finished: true;
}

/** Something else was wanted of an operation than what was waited for. */
export interface Interrupted {
  readonly wanted: Wanted;
  /** For a revert. */
  readonly acceptLosses: boolean;
}

export interface RollingOn {
  /**
   * The keys of {@link RolledOn.start} and {@link RolledOn.tell} that were carried out; they are not named again. It is
   * forgotten whenever in doubt: with each new run of the workflow, and after each roll call.
   */
  readonly known: readonly string[];
}

/** What comes next in an apply. */
export interface RolledOn {
  /** The state that the request is to have. */
  readonly state: DeploymentState;
  /** The one that it has: a workflow task that was lost may have moved it to where its workflow does not know it. */
  readonly stored: DeploymentState;
  readonly apply: ApplyNow;
  /** Operations that need a workflow: the ids of those are `operationRunId`s. Whoever has one already is left alone. */
  readonly start: readonly (OperationRef & { readonly key: string })[];
  /** What the workflows of operations are told, in this order. */
  readonly tell: readonly ToldOperation[];
  /** Whether it is over; nothing is to be started or told any more. */
  readonly settled: boolean;
  /** Why it failed; null until it settled. */
  readonly error: FailureView | null;
  /** ISO time at which the time for a revert ends, for people. */
  readonly revertWindowEndsAt: string | null;
  /** Milliseconds after which something is due by itself; null where nothing is. */
  readonly wakeInMs: number | null;
}

export interface ToldOperation extends OperationRef {
  readonly key: string;
  readonly wanted: Wanted;
  readonly by: string;
  /** For a revert. */
  readonly acceptLosses: boolean;
}

export interface Telling {
  readonly action: ApplyAction;
  /** For `revert`. */
  readonly acceptLosses?: boolean;
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
  /** Whether it goes over several deployments as they are now; {@link Checked} tells when it is deployed. Of an operation false. */
  readonly several: boolean;
  /** The apply, once there is one; null also of an operation. */
  readonly apply: ApplyNow | null;
  /** What an operation was told and has not done yet. */
  readonly wanted: Wanted | null;
  /** For a revert that is wanted. */
  readonly acceptLosses: boolean;
}

export interface Moving extends RequestRef {
  /** Those of {@link OwnMove} are of operations alone. */
  readonly move: DeploymentMoveName | OwnMove;
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
  /** Whether it goes over several deployments as they are now; with `again` and without an error, its apply is entered. */
  readonly several: boolean;
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
