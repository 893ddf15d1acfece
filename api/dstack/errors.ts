import { refusal } from '../../domain/fleet/messages';
import { plainText } from '../../domain/plain-text';
import { failures, type Failure, type FailureCode } from '../../domain/failures';
import type { z } from '../zod';

/** An answer that is an error, in the shape that dstack's clients read. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly detail: unknown };
}

/** The codes with which a client shows the message; with any other it does not. */
type KnownCode = 'error' | 'resource_exists' | 'resource_not_exists' | 'backend_not_available';

const codes: Partial<Record<FailureCode, KnownCode>> = {
  NOT_FOUND: 'resource_not_exists',
  BACKEND_UNAVAILABLE: 'backend_not_available',
};

/** 400 with a message that the client shows to people. */
export function told(message: string, code: KnownCode = 'error'): ErrorAnswer {
  return { status: 400, body: { detail: [{ code, msg: message }] } };
}

/** An error whose body the clients do not read. */
export function bare(status: number, message: string): ErrorAnswer {
  return { status, body: { detail: { code: null, msg: message } } };
}

/** A body that is not what the call takes: 422, which the client shows as a whole. */
export function malformed(error: z.ZodError): ErrorAnswer {
  const detail = error.issues.map(({ code, path, message }) => ({
    type: code,
    loc: ['body', ...path.map((part) => plainText(String(part)))],
    msg: plainText(message),
  }));
  return { status: 422, body: { detail } };
}

/** A body that is no JSON, or none that is read. */
export function unreadable(message: string): ErrorAnswer {
  return { status: 422, body: { detail: [{ type: 'json_invalid', loc: ['body'], msg: message }] } };
}

/** The answer that tells of a failure. Clients show a message only with 400, so conflicts have that status, too. */
export function answerTo({ code, message, data }: Failure): ErrorAnswer {
  const { status, remedy } = failures[code];
  if (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN') return bare(403, 'Access denied');
  if (code === 'NOT_FOUND') return told('Resource not found', 'resource_not_exists');
  if (code === 'CONFLICT' && data['reason'] === 'UniqueViolation')
    return told('There is a gateway of that name already', 'resource_exists');
  if (code === 'CONFLICT' || code === 'PRECONDITION_FAILED') return told(refusal.changed);
  if (code === 'RATE_LIMITED' || code === 'PAYLOAD_TOO_LARGE' || code === 'METHOD_NOT_ALLOWED' || status >= 500)
    return bare(status, remedy);
  return told(message, codes[code] ?? 'error');
}
