import { createHash } from 'node:crypto';
import { failures } from '../domain/failures';
import type { Caller } from './access';
import type { Deps } from './deps';
import { toFailure } from './problem';
import type { Answer } from './route';
import { z } from './zod';

/** The header; up to 255 printable characters. */
export const idempotencyHeader = {
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without spaces')
    .optional()
    .openapi({ description: 'The same key with the same body gets the same answer, for at least 24 hours.' }),
};

/** Time to live of a record that is over already: the next request with its key begins anew. */
const FORGET_MS = -1;

/** A request that may be sent more than once. */
export interface Keyed {
  readonly caller: Caller;
  readonly key: string | undefined;
  /** As in `POST /gateway/start`. */
  readonly route: string;
  readonly organizationId: string;
  /** What the request asks for, besides the organization. */
  readonly body: unknown;
  /** The id minted for the work; a repeat works with the one of the first request. */
  readonly subject: string;
}

/**
 * Answers a request with an Idempotency-Key once. An answer that tells of a run is kept; a failure before there was a
 * run is not, and where it is not known whether a run began, a repeat finds it by its subject.
 * @throws Failure IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_IN_FLIGHT, and whatever `work` throws.
 */
export async function answerOnce(
  { store, settings, limits }: Deps,
  { caller, key, route, organizationId, body, subject }: Keyed,
  work: (subject: string) => Promise<Answer>,
): Promise<Answer> {
  if (key === undefined) return await work(subject);
  const scope = `${caller.id} ${route} ${organizationId}`;
  const lockMs = settings.api.waitMs + limits.idempotencyGraceMs;
  const { record, mine } = await store.idempotency.begin({ scope, key, bodyHash: bodyHash(body), subject, lockMs });
  if (!mine && record.status !== null)
    return {
      status: record.status,
      body: record.body,
      headers: { ...record.headers, 'Idempotency-Replayed': 'true' },
    };
  try {
    const answer = await work(record.subject);
    // A 503 changed nothing and is forgotten, so that a repeat is a new attempt with ids of its own.
    await store.idempotency.finish(
      scope,
      key,
      stored(answer),
      answer.status === 503 ? FORGET_MS : limits.idempotencyTtlMs,
    );
    return answer;
  } catch (error) {
    const unknown = failures[toFailure(error).code].status >= 500;
    if (unknown) await store.idempotency.abandon(scope, key).catch(() => undefined);
    else await store.idempotency.finish(scope, key, { status: 409, headers: {}, body: null }, FORGET_MS);
    throw error;
  }
}

function stored({ status, headers, body }: Answer): { status: number; headers: Record<string, string>; body: unknown } {
  return { status, headers: { ...headers }, body };
}

/** The same for bodies that differ only in the order of their members. */
function bodyHash(body: unknown): string {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash('sha256').update(JSON.stringify(body, sorted)).digest('hex');
}
