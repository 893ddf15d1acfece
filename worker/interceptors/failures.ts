import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { isFailure } from '../../domain/failures';
import { scrub } from '../scrub';

/**
 * The boundary: only failures of the closed set leave an activity, with a scrubbed message. An error that nobody
 * expected is `INTERNAL` and retried, since most of those are weather, too.
 */
export class FailureBoundary implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    try {
      return await next(input);
    } catch (error) {
      throw toApplicationFailure(error);
    }
  }
}

/** A failure as it crosses the activity boundary; cancellations and failures that have crossed one stay as they are. */
export function toApplicationFailure(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof CancelledFailure) return error;
  if (isFailure(error))
    return ApplicationFailure.create({
      type: error.code,
      message: scrub(error.message),
      nonRetryable: !error.retryable,
      details: Object.keys(error.data).length > 0 ? [error.data] : [],
      ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
    });
  const name = (error as Error | undefined)?.name;
  if (name === 'AbortError') return new CancelledFailure('cancelled');
  return ApplicationFailure.create({
    type: 'INTERNAL',
    message: scrub(error instanceof Error ? error.message : String(error)),
  });
}
