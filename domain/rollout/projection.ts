import { Tally } from './base';
import { policyOf, type Policed } from './policy';
import { applyStateFacts, isRunning, type ApplyState } from './states';

/** As much of an operation as the state of its apply follows from. */
export interface Projected extends Policed {
  readonly state: ApplyState;
  /** Its place in the rollout; no two have the same. */
  readonly position: number;
  /** Whether it was ever begun: what was stopped before has touched nothing. */
  readonly started: boolean;
}

/**
 * The state of an apply from all its operations, in whatever order they come. It ends only when nothing is written any
 * more: policies say what starts next, and how that is called meanwhile, but never change the verdict.
 * @param paused whether somebody holds the rollout
 */
export function rolloutState(operations: readonly Projected[], paused = false): ApplyState {
  const tally = new Tally();
  let halted = false;
  /** The first failure that waits for somebody to release the rollout. */
  let pausedFrom = Infinity;
  let lastUnsettled = -Infinity;
  let startedUnsettled = false;
  for (const operation of operations) {
    const { state, position } = operation;
    tally.add(state);
    if (!applyStateFacts[state].settled) {
      lastUnsettled = Math.max(lastUnsettled, position);
      startedUnsettled ||= hasBegun(operation);
    }
    if (state !== 'failed') continue;
    const policy = policyOf(operation);
    if (policy === 'halt') halted = true;
    else if (policy === 'pause') pausedFrom = Math.min(pausedFrom, position);
  }

  const { base } = tally;
  const isUnsettled = lastUnsettled > -Infinity;
  const isHeldByFailure = base === 'failed' && !halted && pausedFrom < lastUnsettled;
  if (isHeldByFailure) return 'paused';
  // Those that wait behind a halt never start, so they keep nothing open.
  const isOpen = base === 'failed' && halted ? startedUnsettled : isUnsettled;
  const state = applyStateFacts[base].settled && isOpen ? whileOpen[base as keyof typeof whileOpen] : base;
  return paused && isHoldable(state) ? 'paused' : state;
}

/** What an apply is called that will end in a state, while something is still to come. */
const whileOpen = {
  failed: 'running_degraded',
  cancelled: 'running_degraded',
  reverted: 'reverting',
} as const satisfies Partial<Record<ApplyState, ApplyState>>;

function hasBegun({ state, started }: Projected): boolean {
  return state !== 'pending' && (started || state !== 'stopped');
}

/** Whether somebody's hold is the whole truth: beside what goes on by itself, it would hide something. */
function isHoldable(state: ApplyState): boolean {
  return isRunning(state) || ['pending', 'waiting_for_deploy', 'waiting_for_cutover'].includes(state);
}

/**
 * Whether an apply that goes on is held by nothing but operations that somebody stopped: none moves by itself, and what
 * is needed is a start, not a repair.
 */
export function isHeldByStopped(derived: ApplyState, operations: readonly Pick<Projected, 'state'>[]): boolean {
  const facts = operations.map(({ state }) => applyStateFacts[state]);
  return (
    !applyStateFacts[derived].terminal &&
    facts.every(({ terminal }) => terminal) &&
    facts.some(({ settled }) => !settled)
  );
}
