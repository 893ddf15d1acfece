import type { Response } from 'express';
import { Failure, failures, type FailureCode } from '../domain/failures';
import type { FailureView } from '../domain/saga';
import { problem, problemHeaders, problemType } from './problem';
import type { Answer } from './route';
import { z } from './zod';

/** The header that says how long a request waits (RFC 7240). */
export const preferHeader = {
  Prefer: z
    .string()
    .max(200)
    .optional()
    .openapi({ description: '`respond-async` is answered 202 at once; `wait=N` waits at most N seconds.' }),
};

/** How many milliseconds a request wants to wait for its run; 0 for `respond-async`. */
export function preferredWait(prefer: string | undefined, longest: number): number {
  const preferences = (prefer ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.trim());
  if (preferences.includes('respond-async')) return 0;
  const wait = preferences
    .map((each) => /^wait=([0-9]{1,6})$/.exec(each)?.[1])
    .find((seconds) => seconds !== undefined);
  return wait === undefined ? longest : Math.min(longest, Number(wait) * 1000);
}

/** 202: the run goes on. No host name is promised. */
export function accepted(run: { runId: string; allocationId: string; organizationId: string }, asked: boolean): Answer {
  return {
    status: 202,
    headers: { Location: `/runs/${run.runId}`, ...(asked && { 'Preference-Applied': 'respond-async' }) },
    body: {
      run_id: run.runId,
      allocation_id: run.allocationId,
      organization_id: run.organizationId,
      state: 'running',
    },
  };
}

/**
 * The answer of a run that did not succeed: 500 with the original message, 503 for an empty pool, 409 for a cancelled
 * run. It carries the original failure's code.
 * @param title the fixed words of the endpoint, as in `Failed to start gateway`.
 */
export function failed(
  res: Response,
  runId: string,
  title: string,
  error: FailureView,
  members: Readonly<Record<string, unknown>> = {},
): Answer {
  const requestId = res.locals['requestId'] as string;
  if (error.code === 'POOL_EMPTY') {
    const failure = new Failure('POOL_EMPTY');
    return problemAnswer(503, problem(failure, requestId, { run_id: runId }), problemHeaders(failure));
  }
  const status = error.code === 'CANCELLED' ? 409 : 500;
  const details = error.code === 'INTERNAL' ? failures.INTERNAL.title : error.message;
  const fixed = { status, detail: failures[error.code].remedy, error: title, details, run_id: runId };
  return problemAnswer(status, problem(new Failure(error.code), requestId, { ...members, ...fixed }), {});
}

/** The codes of runs that answer something else than 500. */
export const runFailures: readonly FailureCode[] = [
  'POOL_EMPTY',
  'CANCELLED',
  'ENGINE_UNAVAILABLE',
  'STORE_UNAVAILABLE',
];

function problemAnswer(status: number, body: unknown, headers: Record<string, string>): Answer {
  return { status, headers: { ...headers, 'Content-Type': problemType }, body: JSON.stringify(body) };
}
