import type { FailureCode } from './failures';

/** The state of a run as people see it. */
export const SagaState = {
  running: 'running',
  rollingBack: 'rolling_back',
  needsAttention: 'needs_attention',
  succeeded: 'succeeded',
  rolledBack: 'rolled_back',
  /** Rolled back but for what a person chose to skip. */
  abandoned: 'abandoned',
} as const;
export type SagaState = (typeof SagaState)[keyof typeof SagaState];

/** A way from one state to another, and what makes it. */
export interface Transition<S extends string> {
  /** null for the beginning. */
  readonly from: S | null;
  readonly to: S;
  /** What happens, in a few words. */
  readonly when: string;
}

/** Every way a run's state can change. */
export const sagaTransitions: readonly Transition<SagaState>[] = [
  { from: null, to: 'running', when: 'it is asked for' },
  { from: 'running', to: 'succeeded', when: 'every step is done' },
  { from: 'running', to: 'rolling_back', when: 'a step fails, or the run is cancelled' },
  { from: 'running', to: 'needs_attention', when: 'a step past the point of no return fails' },
  { from: 'rolling_back', to: 'rolled_back', when: 'every undo is done' },
  { from: 'rolling_back', to: 'abandoned', when: 'every undo is done or was skipped' },
  { from: 'rolling_back', to: 'needs_attention', when: 'an undo is stuck' },
  { from: 'needs_attention', to: 'rolling_back', when: 'a person says retry or skip' },
  { from: 'needs_attention', to: 'running', when: 'past the point of no return, a person says retry' },
];

/** The state of one step of a run. */
export const StepState = {
  pending: 'pending',
  running: 'running',
  done: 'done',
  failed: 'failed',
  undoing: 'undoing',
  undone: 'undone',
  stuck: 'stuck',
  skipped: 'skipped',
  /** Nothing to undo, or kept because a point of no return was passed. */
  kept: 'kept',
} as const;
export type StepState = (typeof StepState)[keyof typeof StepState];

/** How a step is taken back, in words a plan can show. */
export type UndoKind = 'undo' | 'nothing' | 'point_of_no_return';

/** A failure as it is stored and shown: a code of the closed set and a scrubbed message. */
export interface FailureView {
  readonly code: FailureCode;
  readonly message: string;
}

/** One step of a run as it stands now. */
export interface StepView {
  readonly name: string;
  readonly state: StepState;
  readonly undo: UndoKind;
  /** Why there is nothing to undo, or why there is no return. */
  readonly why?: string;
  readonly error?: FailureView;
  readonly undoError?: FailureView;
  /** ISO time since when the undo has been stuck. */
  readonly stuckSince?: string;
  readonly resolutions: readonly Resolution[];
}

/** A run as it stands now: the answer of the `saga` query. */
export interface SagaView {
  readonly saga: string;
  readonly state: SagaState;
  readonly steps: readonly StepView[];
  readonly error?: FailureView;
  readonly cancelled: boolean;
  /** ISO time since when a person is needed. */
  readonly attentionSince?: string;
  readonly severity?: 'warning' | 'critical';
}

/** A person's decision on a stuck undo. */
export interface Resolution {
  readonly action: 'retry' | 'skip';
  readonly by: string;
  readonly reason: string;
  /** ISO time. */
  readonly at: string;
}

const left: ReadonlySet<SagaState | null> = new Set(sagaTransitions.map(({ from }) => from));

/** Whether a run in this state never changes again. */
export function isTerminal(state: SagaState): boolean {
  return !left.has(state);
}
