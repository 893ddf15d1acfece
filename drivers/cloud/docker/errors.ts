import { Failure, isFailure, type FailureCode } from '../../../domain/failures';

/** What a call to the engine is about; decides what a lost or broken answer means. */
export type CallKind = 'reads' | 'changes';

/** An error as docker-modem throws it. */
interface EngineError {
  readonly statusCode?: number;
  /** Of node, where there was no answer. */
  readonly code?: string;
  readonly json?: unknown;
  readonly message?: string;
}

/** Nothing was sent. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

/**
 * What the engine says with a status of 500, by its words: podman answers so where Docker has a status of its own, and
 * both where the host is at fault. Looked up in this order.
 */
const WORDS: readonly (readonly [RegExp, FailureCode])[] = [
  [/name .* is already in use/i, 'CLOUD_CONFLICT'],
  [/no space left|disk quota exceeded|cannot allocate memory/i, 'CLOUD_CAPACITY'],
  [/invalid argument|names must match|invalid reference format/i, 'CLOUD_SPEC_REFUSED'],
];

/** The failure that an error of the engine's client is. A {@link Failure} is answered as it is. */
export function engineFailure(error: unknown, kind: CallKind): Failure {
  if (isFailure(error)) return error;
  const { statusCode, code } = error as EngineError;
  if (statusCode === undefined) return unanswered(code ?? (error as Error).name, kind, error);
  const said = words(error as EngineError);
  return new Failure(codeOf(statusCode, said, kind), `the container engine says (${statusCode}): ${said}`, {
    cause: error,
  });
}

/** Whether the engine knows no such container. */
export function isUnknown(error: unknown): boolean {
  return (error as EngineError).statusCode === 404 && !/image/i.test(words(error as EngineError));
}

/** Whether it says that the change was made already. */
export function isDone(error: unknown): boolean {
  return (error as EngineError).statusCode === 304;
}

/** Whether it is destroying the container this moment. */
export function isBeingRemoved(error: unknown): boolean {
  const { statusCode } = error as EngineError;
  return statusCode === 409 && /removal .*in progress/i.test(words(error as EngineError));
}

/** Whether podman tripped over a container that ended by itself while it was being ended: the next attempt works. */
export function isTorn(error: unknown): boolean {
  const { statusCode } = error as EngineError;
  return statusCode === 500 && /container state improper/i.test(words(error as EngineError));
}

/**
 * Whether podman has mislaid the files of a container: it takes them for mounted, and they are not (seen with podman 4.3
 * where many containers are made at once). It never finds them again.
 */
export function isMislaid(error: unknown): boolean {
  const { statusCode } = error as EngineError;
  return statusCode === 500 && /mounting storage for container .*no such file/i.test(words(error as EngineError));
}

function unanswered(code: string, kind: CallKind, cause: unknown): Failure {
  if (code === 'EACCES' || code === 'EPERM')
    return new Failure('CLOUD_AUTH', `the container engine’s socket may not be opened (${code})`, { cause });
  if (NOT_SENT.has(code))
    return new Failure('CLOUD_UNAVAILABLE', `the container engine cannot be reached (${code})`, { cause });
  const lost: FailureCode = kind === 'changes' ? 'CLOUD_OUTCOME_UNKNOWN' : 'CLOUD_UNAVAILABLE';
  return new Failure(lost, `the container engine’s answer did not arrive (${code})`, { cause });
}

function codeOf(status: number, said: string, kind: CallKind): FailureCode {
  if (status === 401 || status === 403) return 'CLOUD_AUTH';
  if (status === 409) return 'CLOUD_CONFLICT';
  if (status === 429) return 'CLOUD_THROTTLED';
  // The engine knows no such image, network or the like; a container that it does not know is the caller's to see.
  if (status >= 400 && status < 500) return 'CLOUD_SPEC_REFUSED';
  const known = WORDS.find(([pattern]) => pattern.test(said));
  if (known) return known[1];
  return kind === 'changes' ? 'CLOUD_OUTCOME_UNKNOWN' : 'CLOUD_UNAVAILABLE';
}

/** The engine's own words, short and in one line: they end up in events. */
function words({ json, message }: EngineError): string {
  const told = (json as { message?: unknown } | undefined)?.message;
  const text = typeof told === 'string' ? told : (message ?? '');
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 300);
}
