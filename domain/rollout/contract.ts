import type { DeployLife } from '../deploy/contract';
import type { ApplyState } from './states';
import type { Wanted } from './apply';

/** Which operation of its request's apply something is about, and which of its workflows says so. */
export interface OperationRef {
  readonly id: string;
  readonly epoch: number;
}

/** Input of `deploy.operation`: the share of one deployment in a request. */
export interface OperationLife extends DeployLife {
  readonly operation: OperationRef;
}

/** The signal with which the workflow of a request looks at its apply: something in it has moved. */
export const LOOK_SIGNAL = 'look';

/** What an operation's workflow is told; it is in the operation's row, too. */
export interface Told {
  readonly wanted: Wanted;
  readonly by: string;
  /** For a revert. */
  readonly acceptLosses?: boolean;
}

/** Names of what people say to an apply beside what they say to every deploy request; each is a signal and an update of `deploy.request`. */
export const ApplySignal = {
  /** What is not live rests as it is, until somebody starts it again. */
  stop: 'stop',
  start: 'start',
  /** What has begun goes on, nothing else begins. */
  pause: 'pause',
  /** Ends a pause, and lets those behind a failure go on that waits for somebody. */
  release: 'release',
  /** Opens the gate of an environment in spite of its reason. */
  override: 'override',
  /** Gives what failed a fresh budget. */
  retry: 'retry',
} as const;
export type ApplySignal = (typeof ApplySignal)[keyof typeof ApplySignal];

/** What comes with every one of them. */
export interface ApplyTold {
  /** Who says it: the label of a token. */
  readonly by: string;
  /** For `override`. */
  readonly environment?: string;
  /** For `override`. */
  readonly reason?: string;
  /** For `retry`: one operation alone. */
  readonly operationId?: string;
}

/** The answer of those updates, and of the query `apply`; what can be done with it follows from this, see actions.ts. */
export interface ApplyNow {
  readonly state: ApplyState;
  /** Whether its state was found from all its operations. */
  readonly determined: boolean;
  readonly paused: boolean;
  readonly stopping: boolean;
  readonly cancelling: boolean;
  readonly reverting: boolean;
  /** How many of its operations are in each state; those that cannot be read are in none. */
  readonly operations: Readonly<Partial<Record<ApplyState, number>>>;
}

/** The workflow of an operation: one for each time that it was begun. */
export function operationRunId(life: Pick<OperationLife, 'operation'>): string {
  return `deploy-operation-${life.operation.id}-${life.operation.epoch}`;
}
