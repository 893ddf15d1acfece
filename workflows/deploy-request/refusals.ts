import { ApplicationFailure, condition } from '@temporalio/workflow';
import { isFailure, type FailureCode } from '../../domain/failures';
import type { FailureView } from '../../domain/saga';
import { failureData, failureView, isRunFailure } from '../saga/failure';
import type { Course } from './course';

/** What is said to someone whose word comes at the wrong time. @param data with what is allowed */
export function refused(message: string, data: object): ApplicationFailure {
  const code: FailureCode = 'STATE_CONFLICT';
  return ApplicationFailure.nonRetryable(message, code, data);
}

/**
 * Does what was said without waiting for an answer, once it is known where the request stands. What forbids it is handed
 * to `ignore`.
 */
export async function heard(
  course: Course,
  act: () => Promise<unknown>,
  ignore: (reason: FailureView) => Promise<void>,
): Promise<void> {
  try {
    await condition(() => course.isKnown);
    await act();
  } catch (error) {
    if (!isRunFailure(error)) throw error;
    await ignore(failureView(error));
  }
}

/** Lets a failure of the domain out of a workflow. */
export function inWords(check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (!isFailure(error)) throw error;
    throw ApplicationFailure.nonRetryable(error.message, error.code);
  }
}

/** An activity's failure as whoever waits for an update is to read it: with its code on top. */
export function inTheOpen(error: unknown): unknown {
  if (!isRunFailure(error)) return error;
  const { code, message } = failureView(error);
  return ApplicationFailure.nonRetryable(message, code, failureData(error));
}
