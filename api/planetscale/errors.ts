import { failures, type Failure, type FailureCode } from '../../domain/failures';
import { plainText } from '../../domain/plain-text';
import type { z } from '../zod';

/** An answer that is an error, in the shape that PlanetScale's clients read; other members than these two are ours. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly code: string; readonly message: string; readonly [member: string]: unknown };
}

/** The words that the clients know; whatever else there is, they show with its message. */
const words: Partial<Record<FailureCode, string>> = {
  UNAUTHENTICATED: 'unauthorized',
  FORBIDDEN: 'unauthorized',
  NOT_FOUND: 'not_found',
  INVALID_INPUT: 'invalid_params',
  ADDRESS_REFUSED: 'invalid_params',
  UNSUPPORTED_MEDIA_TYPE: 'bad_request',
  PAYLOAD_TOO_LARGE: 'bad_request',
  CONFLICT: 'conflict',
  STATE_CONFLICT: 'conflict',
  APPROVAL_MISSING: 'forbidden',
};

export function errorAnswer(status: number, code: string, message: string, more: object = {}): ErrorAnswer {
  return { status, body: { ...more, code, message } };
}

/** Parameters that are not what the call takes. */
export function malformed(error: z.ZodError): ErrorAnswer {
  const issues = error.issues.map(({ path, message }) => ({ name: plainText(path.map(String).join('.')), message }));
  const message = issues.map((issue) => `${issue.name ? `${issue.name}: ` : ''}${plainText(issue.message)}`).join('; ');
  const errors = issues.map((issue) => ({ namespace: 'params', name: issue.name, errors: [plainText(issue.message)] }));
  return errorAnswer(422, 'invalid_params', message, { errors });
}

/** A body that is no JSON, or none that is read. */
export function unreadable(message: string): ErrorAnswer {
  return errorAnswer(400, 'bad_request', message);
}

/**
 * The answer that tells of a failure. Above 499 it says nothing of the inside. What is not acceptable is 422, as these
 * clients have it, and not 400.
 */
export function answerTo({ code, message, data }: Failure): ErrorAnswer {
  const { status, remedy } = failures[code];
  const word = words[code] ?? code.toLowerCase();
  if (code === 'NOT_FOUND') return errorAnswer(404, word, 'Not Found');
  if (code === 'CONFLICT' && data['reason'] === 'UniqueViolation')
    return errorAnswer(409, word, 'Name has already been taken');
  if (status >= 500) return errorAnswer(status, word, remedy);
  return errorAnswer(code === 'INVALID_INPUT' ? 422 : status, word, message, extras(data));
}

/** What people and programs beside these clients may use: the state, and what is allowed in it. */
function extras({ state, allowed, losses }: Readonly<Record<string, unknown>>): object {
  return {
    ...(state !== undefined && { state }),
    ...(allowed !== undefined && { allowed }),
    ...(losses !== undefined && { losses }),
  };
}
