import type { FailureView, Resolution, SagaState } from './saga';

/** Whether an attempt acts or takes back. */
export type Phase = 'do' | 'undo';

/** How an attempt ended; `unknown` is that of an attempt whose worker died. */
export type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'unknown';

/** What every entry of the journal carries. */
interface EntryBase {
  /** Position in the journal: strictly increasing, the `id` of server-sent events. 0 before it is stored. */
  readonly seq: number;
  /** ISO time. */
  readonly at: string;
  readonly runId: string;
  readonly organizationId: string;
  /** The kind of the run, as in `gateway.start`. */
  readonly kind: string;
}

/** Which attempt of which activity an entry speaks of. */
export interface AttemptRef {
  readonly step: string;
  readonly phase: Phase;
  readonly activity: string;
  readonly activityId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Identity of the worker that runs it. */
  readonly worker: string;
}

export interface AttemptStarted extends EntryBase, AttemptRef {
  readonly type: 'attempt.started';
}
export interface AttemptEnded extends EntryBase, AttemptRef {
  readonly type: 'attempt.ended';
  readonly outcome: Outcome;
  readonly error?: FailureView;
}
export interface StateEntered extends EntryBase {
  readonly type: 'run.state';
  readonly state: SagaState;
  readonly error?: FailureView;
  /** Steps whose undo is stuck, with the reason. */
  readonly stuck?: readonly { readonly step: string; readonly error: FailureView }[];
  readonly severity?: 'warning' | 'critical';
}
export interface StepResolved extends EntryBase {
  readonly type: 'step.resolved';
  readonly step: string;
  readonly resolution: Resolution;
}
/** What something that a step runs elsewhere printed: bounded, and scrubbed of what looks like a secret. */
export interface StepOutput extends EntryBase {
  readonly type: 'step.output';
  readonly step: string;
  readonly lines: readonly string[];
}

/** Something that was said to a run whose state forbids it: nothing came of it. */
export interface MessageIgnored extends EntryBase {
  readonly type: 'message.ignored';
  /** The name of the signal. */
  readonly message: string;
  /** Who said it. */
  readonly by: string;
  readonly reason: FailureView;
}

export type JournalEntry = AttemptStarted | AttemptEnded | StateEntered | StepResolved | StepOutput | MessageIgnored;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** An entry before it has its place in the journal. */
export type NewJournalEntry = DistributiveOmit<JournalEntry, 'seq'>;
