import type { FailureKind } from './failure-kind';
import { deployFailures } from './deploy/failures';
import { fleetFailures } from './fleet/failures';
import { rolloutFailures } from './rollout/failures';
import { schemaFailures } from './schema/failures';

/**
 * Every failure that Gatewright can report, each once. The keys are stable: they are the `type` of Temporal failures,
 * the `code` of API problems and the headings of docs/operating.md.
 */
export const failures = {
  INVALID_INPUT: {
    retryable: false,
    status: 400,
    title: 'The request is not valid',
    remedy: 'Correct what `errors` names and send it again.',
  },
  UNAUTHENTICATED: {
    retryable: false,
    status: 401,
    title: 'No valid token',
    remedy: 'Send `Authorization: Bearer gw_<id>_<secret>`; make a token with `gatewright token create`.',
  },
  FORBIDDEN: {
    retryable: false,
    status: 403,
    title: 'This token may not do that',
    remedy: 'Use a token whose scope and organization allow it.',
  },
  NOT_FOUND: {
    retryable: false,
    status: 404,
    title: 'There is no such thing',
    remedy: 'Check the address; things of other organizations are not shown.',
  },
  METHOD_NOT_ALLOWED: {
    retryable: false,
    status: 405,
    title: 'This resource does not take that method',
    remedy: 'Use one of the methods in the `Allow` header.',
  },
  CONFLICT: {
    retryable: true,
    status: 409,
    title: 'The resource changed in the meantime',
    remedy: 'Read it again and repeat the change on the present version.',
  },
  STATE_CONFLICT: {
    retryable: false,
    status: 409,
    title: 'The present state does not allow that',
    remedy: 'Do one of the things in `allowed`, or wait for the state to change.',
  },
  PRECONDITION_FAILED: {
    retryable: false,
    status: 412,
    title: 'The named version is not the present one',
    remedy: 'Read the resource again and send its present ETag in `If-Match`.',
  },
  PAYLOAD_TOO_LARGE: {
    retryable: false,
    status: 413,
    title: 'The request body is too large',
    remedy: 'Send at most 64 kB.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    retryable: false,
    status: 415,
    title: 'The body is not JSON',
    remedy: 'Send `Content-Type: application/json`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    retryable: false,
    status: 422,
    title: 'This Idempotency-Key was used for another request',
    remedy: 'Use a new key for a new request.',
  },
  IDEMPOTENCY_KEY_IN_FLIGHT: {
    retryable: true,
    status: 409,
    title: 'A request with this Idempotency-Key is still being answered',
    remedy: 'Wait a moment and send the same request with the same key again.',
  },
  PRECONDITION_REQUIRED: {
    retryable: false,
    status: 428,
    title: 'The version to change must be named',
    remedy: 'Send the resource’s ETag in `If-Match`.',
  },
  RATE_LIMITED: {
    retryable: true,
    status: 429,
    title: 'Too many requests with this token',
    remedy: 'Wait as long as `Retry-After` says.',
  },
  INTERNAL: {
    retryable: false,
    status: 500,
    title: 'Something went wrong inside Gatewright',
    remedy: 'Look for the `instance` in the logs of the API and report it.',
  },
  POOL_EMPTY: {
    retryable: false,
    status: 503,
    title: 'No available gateways in pool. Try again later.',
    remedy: 'Wait for a replica to be freed, or add one to the pool.',
    leavesNothing: true,
  },
  ENGINE_UNAVAILABLE: {
    retryable: true,
    status: 503,
    title: 'Temporal does not answer',
    remedy: 'Nothing was changed. Check Temporal, then send the request again.',
  },
  STORE_UNAVAILABLE: {
    retryable: true,
    status: 503,
    title: 'The database does not answer',
    remedy: 'Nothing was changed. Check the database, then send the request again.',
  },
  STORE_MIGRATION: {
    retryable: false,
    status: 503,
    title: 'The database schema is not the one this version needs',
    remedy: 'Run `gatewright up` or apply the migrations under prisma/; repair a half-applied one first.',
  },
  NOT_READY: {
    retryable: true,
    status: 503,
    title: 'Not every component is ready',
    remedy: 'See `components` for what does not answer, and check it.',
  },
  ALLOCATION_BUSY: {
    retryable: false,
    status: 409,
    title: 'Another run holds this organization’s allocation',
    remedy: 'Wait for the run in `runId` to end.',
    leavesNothing: true,
  },
  ALLOCATION_GONE: {
    retryable: false,
    status: 409,
    title: 'The allocation was released in the meantime',
    remedy: 'Start the gateway again.',
  },
  ADDRESS_REFUSED: {
    retryable: false,
    status: 400,
    title: 'This address is not allowed',
    remedy: 'Use a literal address inside the allowed networks (see docs/operating.md).',
  },
  DNS_UNAVAILABLE: {
    retryable: true,
    status: 502,
    title: 'The DNS server does not answer',
    remedy: 'Check PowerDNS and its API.',
  },
  DNS_REFUSED: {
    retryable: false,
    status: 502,
    title: 'The DNS server refused the change',
    remedy: 'Read the message of PowerDNS; check the zone and the API key.',
  },
  DNS_OWNED_BY_ANOTHER: {
    retryable: false,
    status: 502,
    title: 'The DNS name belongs to another owner',
    remedy: 'Look at the TXT record beside it; remove both if nobody needs them.',
  },
  DNS_NOT_VISIBLE: {
    retryable: true,
    status: 502,
    title: 'The DNS change cannot be read back',
    remedy: 'Check the zone in PowerDNS; somebody else may be writing to it.',
  },
  EDGE_CONFIG_REFUSED: {
    retryable: false,
    status: 502,
    title: 'nginx refused the configuration',
    remedy: 'Read the message of `nginx -t`; the previous generation is still live.',
  },
  EDGE_NOT_LIVE: {
    retryable: true,
    status: 502,
    title: 'An edge did not make the new generation live',
    remedy: 'Check the nginx of that edge and its error log.',
  },
  EDGE_UNREACHABLE: {
    retryable: true,
    status: 502,
    title: 'No worker serves this edge',
    remedy: 'Start a worker on the edge’s host, or remove the edge.',
  },
  EDGE_FENCED: {
    retryable: true,
    status: 409,
    title: 'Another publisher has taken over this edge',
    remedy: 'Nothing; the other publisher carries the change.',
  },
  HANDSHAKE_FAILED: {
    retryable: false,
    status: 502,
    title: 'The gateway did not confirm the allocation',
    remedy: 'Look at the gateway’s log; it is quarantined until it announces itself again.',
  },
  HANDSHAKE_TIMEOUT: {
    retryable: false,
    status: 504,
    title: 'The gateway did not answer the handshake in time',
    remedy: 'Look at the gateway’s host; it is quarantined until it announces itself again.',
  },
  SECRET_UNAVAILABLE: {
    retryable: false,
    status: 503,
    title: 'A secret cannot be read',
    remedy: 'Check the file that the message names: it must exist, hold one line and be readable by its owner alone.',
  },
  JOURNAL_UNAVAILABLE: {
    retryable: true,
    status: 503,
    title: 'The step could not be journalled and was not run',
    remedy: 'Check the database.',
  },
  CANCELLED: {
    retryable: false,
    status: 409,
    title: 'The run was cancelled and taken back',
    remedy: 'Start it again if it is still wanted.',
  },
  STEP_TIMEOUT: {
    retryable: true,
    status: 504,
    title: 'A step did not end in time',
    remedy: 'See which component the step talks to, and check it.',
  },
  ...fleetFailures,
  ...schemaFailures,
  ...deployFailures,
  ...rolloutFailures,
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof failures;

/** Whether `value` is one of the codes of {@link failures}. */
export function isFailureCode(value: unknown): value is FailureCode {
  return typeof value === 'string' && Object.hasOwn(failures, value);
}

/** Whether a step that failed with `code` has certainly done nothing. */
export function leavesNothing(code: FailureCode): boolean {
  return (failures[code] as FailureKind).leavesNothing === true;
}

/** What a {@link Failure} may carry beside its code and message. */
export interface FailureDetails {
  /** Milliseconds to wait before the same thing is tried again. */
  readonly retryAfterMs?: number;
  /** Overrides the code's own `retryable`. */
  readonly retryable?: boolean;
  /** Machine-readable members for the API's problem (`currentVersion`, `allowed`, `runId`, ...); no secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** A failure of the closed set. Its message is for people and carries no secret. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: FailureCode,
    message?: string,
    details: FailureDetails = {},
  ) {
    super(message ?? failures[code].title, { cause: details.cause });
    this.retryable = details.retryable ?? failures[code].retryable;
    this.retryAfterMs = details.retryAfterMs;
    this.data = details.data ?? {};
  }
}

/** Reads a {@link Failure} across realms, where `instanceof` does not hold. */
export function isFailure(value: unknown): value is Failure {
  return value instanceof Error && value.name === 'Failure' && isFailureCode((value as { code?: unknown }).code);
}
