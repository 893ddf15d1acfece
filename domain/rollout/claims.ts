import type { Gate } from './gates';
import { policyOf, type Policed } from './policy';
import { spent, type Tried } from './retry';
import { initialActiveState, isRunning, isSetupPhase, isTerminal, type ApplyState } from './states';

/** How cut-overs follow each other. */
export const CutoverPolicy = {
  /** One deployment from its first row to its end, then the next. */
  sequential: 'sequential',
  /** Copies side by side; cut-overs one after another. */
  barrier: 'barrier',
} as const;
export type CutoverPolicy = (typeof CutoverPolicy)[keyof typeof CutoverPolicy];

/** As much of an operation as tells whether it may go on. */
export interface Claimable extends Policed {
  readonly id: string;
  readonly deployment: string;
  readonly state: ApplyState;
  /** Whether somebody works on it: `lost` is one that was begun, and has nobody any more. */
  readonly worker: 'none' | 'alive' | 'lost';
  /** What was tried of it; null where it never failed. */
  readonly tried: Tried | null;
  /** Whether its environment may be changed; absent where environments are not kept apart. */
  readonly gate?: Gate;
}

/** What people asked of a rollout, until it is done. */
export interface Requests {
  readonly stop: boolean;
  /** What was stopped, or waits to be deployed, is to go on. */
  readonly start: boolean;
  /** Somebody holds it: what has begun goes on, nothing else begins. */
  readonly pause: boolean;
}

/** A rollout at one moment. */
export interface Rollout {
  /** In the order of the rollout. */
  readonly operations: readonly Claimable[];
  /** What was set; whatever is not one of {@link CutoverPolicy} is sequential. */
  readonly cutover: string;
  /** How many may copy at once under a barrier. */
  readonly copies: number;
  /** Whether people say when each cuts over. */
  readonly deferred: boolean;
  /** Whether all are kept revertable until the last is live, so that an open window keeps nobody waiting. */
  readonly revertTogether: boolean;
  readonly requests: Requests;
  /** Time in milliseconds. */
  readonly now: number;
}

/** What becomes of an operation that has something to do. */
export interface Decision {
  readonly operation: string;
  /** Why it waits, for people; null when it may go on. */
  readonly waits: string | null;
}

/** Who may begin, or begin again, in their order; and why the others that would, wait. */
export function decideCopies(rollout: Rollout): readonly Decision[] {
  const held = heldBy(rollout.requests);
  const isBarrier = rollout.cutover === 'barrier';
  const most = isBarrier ? Math.max(1, rollout.copies) : 1;
  let copying = rollout.operations.filter(isCopying).length;
  /** The first that does not let others past. */
  let before: Claimable | null = null;
  const turn = new Turn();
  const decisions: Decision[] = [];
  for (const operation of rollout.operations) {
    const wish = wishOf(operation, rollout.requests.start);
    let goes = false;
    if (wish !== 'nothing') {
      const waits =
        held ??
        (wish === 'again' ? null : (turn.after(before) ?? closed(operation) ?? exhausted(operation, rollout.now))) ??
        (wish === 'begin' && copying >= most ? `${copying} copy already` : null);
      goes = waits === null;
      if (goes && wish === 'begin') copying++;
      decisions.push({ operation: operation.id, waits });
    }
    if (before || isDone(operation, rollout)) continue;
    const isPast = isBarrier && ['waiting_for_cutover', 'cutting_over', 'revert_window'].includes(operation.state);
    const isBeside = most > 1 && (goes || isCopying(operation));
    if (!isPast && !isBeside) before = operation;
  }
  return decisions;
}

/**
 * Who may cut over now: at most one, and every other that waits for it. Where operations cut over one whole deployment
 * after another, or there is but one, each does it by itself and nothing is decided here.
 * @param byHand whether a person says so, which is what a deferred cut-over waits for
 */
export function decideCutovers(rollout: Rollout, byHand = false): readonly Decision[] {
  if (rollout.cutover !== 'barrier' || rollout.operations.length < 2) return [];
  const held = heldBy(rollout.requests) ?? (rollout.deferred && !byHand ? 'somebody has to say so' : null);
  let before: Claimable | null = null;
  const turn = new Turn();
  const decisions: Decision[] = [];
  for (const operation of rollout.operations) {
    const { state, worker, id } = operation;
    const isCutOff = worker === 'lost' && (state === 'cutting_over' || state === 'recovering');
    if (state === 'waiting_for_cutover' || isCutOff)
      decisions.push({ operation: id, waits: held ?? turn.after(before) ?? closed(operation) });
    if (!before && !isDone(operation, rollout)) before = operation;
  }
  return decisions;
}

/** Who goes on, of some decisions. */
export function goers(decisions: readonly Decision[]): readonly string[] {
  return decisions.filter(({ waits }) => waits === null).map(({ operation }) => operation);
}

/** How far an operation is once somebody works on it: whatever was begun before goes on from where it is. */
export function onceBegun({ state, startedAt }: Progress, engine: string, at: Date): Progress {
  return { state: state === 'pending' ? initialActiveState(engine) : state, startedAt: startedAt ?? at };
}

/** How far an operation is. */
export interface Progress {
  readonly state: ApplyState;
  /** When it was first begun. */
  readonly startedAt: Date | null;
}

/**
 * What an operation would do if nothing were in its way; `again` where it had its turn already: what was cut off is not
 * over, so it is neither behind others nor tried once more.
 */
function wishOf({ state, worker }: Claimable, start: boolean): 'nothing' | 'begin' | 'again' {
  if (worker === 'alive') return 'nothing';
  if (state === 'stopped' || state === 'waiting_for_deploy') return start ? 'begin' : 'nothing';
  if (state === 'pending') return 'begin';
  if (state === 'failed_retryable') return worker === 'lost' ? 'again' : 'begin';
  // The turn to cut over is decided apart.
  if (isTerminal(state) || state === 'cutting_over' || state === 'recovering') return 'nothing';
  return worker === 'lost' ? 'again' : 'nothing';
}

function isCopying({ state, worker }: Claimable): boolean {
  if (state === 'failed_retryable') return worker !== 'none';
  return isRunning(state) || isSetupPhase(state) || state === 'resuming';
}

/** Whether those behind an operation need not regard it any more. */
function isDone(operation: Claimable, { revertTogether }: Rollout): boolean {
  const { state } = operation;
  if (state === 'completed') return true;
  if (state === 'failed') return policyOf(operation) === 'continue';
  return revertTogether && state === 'revert_window';
}

function heldBy({ stop, pause }: Requests): string | null {
  if (stop) return 'the rollout is being stopped';
  return pause ? 'somebody holds the rollout' : null;
}

/** Why operations wait for their turn. */
class Turn {
  private isTaken = false;

  /** Only the next in line is told whom it waits for: what the others wait for does not change with every step. */
  after(before: Claimable | null): string | null {
    if (!before) return null;
    const { deployment, state } = before;
    if (state === 'failed') {
      const isPaused = policyOf(before) === 'pause';
      return `deployment ${deployment} has failed${isPaused ? ', and nobody has released the rollout' : ''}`;
    }
    if (this.isTaken) return 'others come first';
    this.isTaken = true;
    return `deployment ${deployment} comes first (${state})`;
  }
}

function closed({ gate }: Claimable): string | null {
  return gate && !gate.open ? gate.reason : null;
}

function exhausted({ state, tried }: Claimable, now: number): string | null {
  return state === 'failed_retryable' && tried ? spent(tried, now) : null;
}
