import type { Response } from 'express';
import { Failure, failures, isFailure, type FailureCode } from '../domain/failures';

/** One thing wrong with a request. */
export interface InputError {
  readonly detail: string;
  /** JSON pointer into the body, as in `#/organization_id`. */
  readonly pointer?: string;
  /** Name of a query or path parameter. */
  readonly parameter?: string;
  /** Name of a header. */
  readonly header?: string;
}

/** An error answer (RFC 9457). */
export interface Problem {
  /** Stable URI of the kind of problem. */
  readonly type: string;
  readonly code: FailureCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** `urn:uuid:<request id>`; the logs of the API carry the same id. */
  readonly instance: string;
  readonly [member: string]: unknown;
}

/** The content type of every error answer. */
export const problemType = 'application/problem+json';

/** The stable URI of a code: `STATE_CONFLICT` is `https://gatewright.dev/problems/state-conflict`. */
export function typeUri(code: FailureCode): string {
  return `https://gatewright.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`;
}

/** Seconds that a caller should wait where the failure itself does not say: long enough for a component to restart. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Any error as a failure of the closed set. What express and its parsers throw is recognised; everything else is a bug
 * and becomes INTERNAL.
 */
export function toFailure(error: unknown): Failure {
  if (isFailure(error)) return error;
  if (error instanceof URIError)
    return new Failure('INVALID_INPUT', 'The address holds a percent-escape that is not valid.');
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') return new Failure('PAYLOAD_TOO_LARGE');
  if (type === 'entity.parse.failed') return new Failure('INVALID_INPUT', 'The body is not valid JSON.');
  if (type === 'charset.unsupported' || type === 'encoding.unsupported')
    return new Failure('UNSUPPORTED_MEDIA_TYPE', 'The body’s charset or content encoding is not supported.');
  if (typeof type === 'string' && status === 400) return new Failure('INVALID_INPUT', 'The body could not be read.');
  return new Failure('INTERNAL', undefined, { cause: error });
}

/**
 * The problem that tells of a failure. Above 499 the detail is the code's own words, never the failure's message, which
 * may speak of the inside; `members` are added as they are.
 */
export function problem(failure: Failure, requestId: string, members: Readonly<Record<string, unknown>> = {}): Problem {
  const kind = failures[failure.code];
  const detail = kind.status >= 500 ? kind.remedy : failure.message === kind.title ? kind.remedy : failure.message;
  return {
    ...snakeCase(failure.data),
    ...(failure.code === 'POOL_EMPTY' && { error: kind.title }),
    type: typeUri(failure.code),
    code: failure.code,
    status: kind.status,
    title: kind.title,
    detail,
    instance: `urn:uuid:${requestId}`,
    ...members,
  };
}

/** The headers that go with a failure: `Retry-After` where waiting helps. */
export function problemHeaders(failure: Failure): Record<string, string> {
  const { status } = failures[failure.code];
  const waitable = status === 503 || status === 429 || failure.code === 'IDEMPOTENCY_KEY_IN_FLIGHT';
  if (!waitable && failure.retryAfterMs === undefined) return {};
  const seconds = failure.retryAfterMs === undefined ? RETRY_AFTER_SECONDS : Math.ceil(failure.retryAfterMs / 1000);
  return { 'Retry-After': String(Math.max(1, seconds)) };
}

/** Answers with a problem. */
export function sendProblem(res: Response, body: Problem, headers: Readonly<Record<string, string>> = {}): void {
  res.status(body.status).set(headers).type(problemType).send(JSON.stringify(body));
}

/** The members of a failure's data as the API spells them; one level deep. */
function snakeCase(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
