import { Failure, type FailureCode } from '../../../domain/failures';

/** What a call that fails may have left behind. */
export const Effect = {
  /** Nothing that matters: it reads, or repeating it changes nothing. */
  none: 'none',
  /** A machine made, or on its way out. */
  machine: 'machine',
} as const;
export type Effect = (typeof Effect)[keyof typeof Effect];

/** EC2 names no time to wait when it throttles; its buckets refill within seconds. */
const THROTTLED_MS = 2_000;

/**
 * EC2's error codes (API reference, "Error codes for the Amazon EC2 API") in our words, `*` standing for anything; the
 * first that fits. What is in no row is a request that EC2 did not take.
 */
const rows: readonly (readonly [FailureCode, ...string[]])[] = [
  ['CLOUD_THROTTLED', 'RequestLimitExceeded', 'Throttling*', 'RequestThrottled*', 'TooManyRequests*', '*Throttled*'],
  ['CLOUD_CAPACITY', 'Insufficient*', 'Unsupported', 'SpotMaxPriceTooLow', 'ZonesNotSupported'],
  ['CLOUD_SPEC_REFUSED', 'TagLimitExceeded'],
  ['CLOUD_QUOTA', 'MaxSpot*Exceeded', '*LimitExceeded'],
  ['CLOUD_AUTH', 'AuthFailure', 'UnauthorizedOperation', 'AccessDenied*', 'ExpiredToken*', 'RequestExpired'],
  ['CLOUD_AUTH', 'InvalidClientTokenId', 'UnrecognizedClientException', 'SignatureDoesNotMatch'],
  ['CLOUD_AUTH', 'MissingAuthenticationToken', 'OptInRequired', 'Blocked', 'PendingVerification'],
  // The SDK's own, when its chain finds no credentials.
  ['CLOUD_AUTH', 'CredentialsProviderError', 'TokenProviderError'],
  ['CLOUD_CONFLICT', 'IdempotentParameterMismatch', 'IdempotentInstanceTerminated', 'OperationNotPermitted'],
  ['CLOUD_CONFLICT', 'Incorrect*State*', '*InUse', 'DependencyViolation', 'ConcurrentTagAccess', 'Invalid*.Duplicate'],
  // A group that was just made may not be seen yet by the next call.
  ['CLOUD_CONFLICT', 'InvalidGroup.NotFound', 'InvalidGroupId.NotFound'],
];
const codes = rows.map(([code, ...names]) => {
  const patterns = names.map((name) => name.replaceAll('.', '\\.').replaceAll('*', '.*'));
  return [new RegExp(`^(${patterns.join('|')})$`), code] as const;
});

/** Codes of {@link codes} where trying again cannot help. */
const hopeless: Readonly<Record<string, string>> = {
  IdempotentParameterMismatch:
    'this replica’s machine was already asked for with other parameters (settings, tags or keys have changed since); ' +
    'it is only to be found by its tag, or replaced as another replica',
  IdempotentInstanceTerminated: 'this replica’s machine was made and has ended; a replacement is another replica',
  OperationNotPermitted: 'somebody has protected this machine from termination; take the protection off',
};

/** The connection was never there, so nothing was asked for. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

interface SdkError extends Error {
  readonly code?: string;
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/**
 * What went wrong, from what the SDK threw. `data.awsCode` is EC2's own code where it gave one.
 * @param effect what is left behind when no answer tells: CLOUD_OUTCOME_UNKNOWN or CLOUD_UNAVAILABLE.
 */
export function translate(thrown: unknown, effect: Effect): Failure {
  const error = thrown as SdkError;
  const status = error.$metadata?.httpStatusCode;
  // A proxy's or load balancer's page has no code; neither does an answer that was cut off.
  const unanswered = error.$fault === undefined || status === undefined || codeless(error);
  const known = codes.find(([pattern]) => pattern.test(error.name));
  if (known && (!unanswered || known[1] === 'CLOUD_AUTH')) return answered(error, known[1]);
  if (!unanswered && status < 500) return answered(error, 'CLOUD_SPEC_REFUSED');
  const lost = effect === Effect.machine && !notSent(error);
  return new Failure(
    lost ? 'CLOUD_OUTCOME_UNKNOWN' : 'CLOUD_UNAVAILABLE',
    status === undefined
      ? `EC2 gave no answer: ${brief(error.code ?? error.name)}`
      : `EC2 answered ${status} ${codeless(error) ? 'without an error of its own' : brief(error.name)}`,
    { cause: error },
  );
}

/** EC2's own code behind a failure, as in `InvalidInstanceID.NotFound`. */
export function awsCode(failure: unknown): string | undefined {
  return failure instanceof Failure ? (failure.data.awsCode as string | undefined) : undefined;
}

function answered(error: SdkError, code: FailureCode): Failure {
  const why = hopeless[error.name];
  const retryAfter = Number(error.$response?.headers?.['retry-after']);
  return new Failure(code, `EC2: ${brief(error.name)}: ${why ?? brief(error.message)}`, {
    cause: error,
    data: { awsCode: error.name },
    ...(why === undefined ? {} : { retryable: false }),
    ...(code === 'CLOUD_THROTTLED' ? { retryAfterMs: retryAfter > 0 ? retryAfter * 1_000 : THROTTLED_MS } : {}),
  });
}

/** Whether EC2 itself said nothing: the SDK then makes up a name. */
function codeless({ name }: SdkError): boolean {
  return ['Error', 'SyntaxError', 'Unknown', 'UnknownError', 'EC2ServiceException', 'TypeError'].includes(name);
}

function notSent(error: SdkError): boolean {
  if (neverSent.has(error.code ?? '')) return true;
  // The node handler's two timeouts have one name; this is that of connecting.
  return error.name === 'TimeoutError' && /without establishing a connection/.test(error.message);
}

/** EC2's words without what only its own tools can read, and short enough for an event. */
function brief(text: string): string {
  return text
    .replace(/\s*Encoded authorization failure message:.*/s, '')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 300);
}
