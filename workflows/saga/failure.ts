import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TemporalFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { failures, isFailureCode, type FailureCode } from '../../domain/failures';
import type { FailureView } from '../../domain/saga';

/** Whether an error is one that a run is taken back for. Anything else is a bug: it fails the workflow task and waits for a fix. */
export function isRunFailure(error: unknown): error is TemporalFailure {
  return error instanceof TemporalFailure;
}

/** What went wrong, in the words of the closed set. */
export function failureView(error: unknown): FailureView {
  const cause = root(error);
  if (isCancellation(error)) return { code: 'CANCELLED', message: failures.CANCELLED.title };
  if (cause instanceof ApplicationFailure) return { code: code(cause.type), message: cause.message };
  if (cause instanceof TimeoutFailure) return { code: 'STEP_TIMEOUT', message: timeoutMessage(error, cause) };
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : String(cause) };
}

/** The machine-readable members that came with a failure. */
export function failureData(error: unknown): unknown {
  const cause = root(error);
  return cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
}

/** The failure that the run ends with: the original one, with its code, at the top of the chain. */
export function finalFailure(error: TemporalFailure): TemporalFailure {
  if (isCancellation(error)) return error;
  const { code, message } = failureView(error);
  const data = failureData(error);
  return ApplicationFailure.create({
    type: code,
    message,
    nonRetryable: true,
    details: data === undefined ? [] : [data],
    cause: error,
  });
}

function root(error: unknown): unknown {
  let current = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause)
    current = current.cause;
  return current;
}

function code(type: string | null | undefined): FailureCode {
  return isFailureCode(type) ? type : 'INTERNAL';
}

function timeoutMessage(error: unknown, timeout: TimeoutFailure): string {
  const what = error instanceof ActivityFailure ? error.activityType : 'the step';
  return timeout.timeoutType === 'SCHEDULE_TO_START'
    ? `no worker took up ${what} in time`
    : `${what} did not end in time; whether it took effect is not known`;
}
