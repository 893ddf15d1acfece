import type { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Failure, failures, isFailureCode } from '../domain/failures';
import type { RunOutcome } from './engine';

/** The outcome of a run that did not succeed. */
export function failedOutcome(error: WorkflowFailedError): RunOutcome<never> {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && isFailureCode(cause.type))
      return { ok: false, code: cause.type, message: cause.message, data: members(cause) };
    if (cause instanceof CancelledFailure)
      return { ok: false, code: 'CANCELLED', message: failures.CANCELLED.title, data: {} };
  }
  return { ok: false, code: 'INTERNAL', message: failures.INTERNAL.title, data: {} };
}

/** What a run's validator refused, in its own words. */
export function updateRefusal({ cause }: WorkflowUpdateFailedError): Error {
  return cause instanceof ApplicationFailure && isFailureCode(cause.type)
    ? new Failure(cause.type, cause.message, { data: members(cause) })
    : new Failure('INTERNAL', undefined, { cause });
}

function members({ details }: ApplicationFailure): Readonly<Record<string, unknown>> {
  const first: unknown = details?.[0];
  return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
}
