import type { Inspection } from '../../domain/deploy/contract';
import { Failure } from '../../domain/failures';
import type { Deps } from '../deps';
import { abortWith } from '../signals';

/**
 * Waits until a run ends, the caller goes away, the API closes, or the time that requests may wait is over.
 * @returns whether it has ended.
 * @throws Failure with which it ended.
 */
export async function ended({ engine, settings, closing }: Deps, runId: string, gone: AbortSignal): Promise<boolean> {
  const outcome = await within(settings.api.waitMs, [gone, closing], (enough) => engine.outcome(runId, enough));
  if (outcome && !outcome.ok) throw new Failure(outcome.code, outcome.message, { data: outcome.data });
  return outcome !== undefined;
}

/** Works with a signal that is aborted after a time, or with one of the others. */
export async function within<T>(
  ms: number,
  signals: readonly AbortSignal[],
  work: (enough: AbortSignal) => Promise<T>,
): Promise<T> {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), ms);
  const leave = abortWith(enough, ...signals);
  try {
    return await work(enough.signal);
  } finally {
    clearTimeout(timer);
    leave();
    enough.abort();
  }
}

/**
 * Begins the run of something whose row is written. Where Temporal is away, nobody is told that it failed: the row says
 * what is wanted, and the caretaker begins the run once Temporal is back.
 */
export async function begun({ log }: Deps, begin: () => Promise<string>): Promise<string | undefined> {
  try {
    return await begin();
  } catch (error) {
    log.warn({ err: error }, 'a run could not be begun yet');
    return undefined;
  }
}

/**
 * Has a worker look at a database's server.
 * @throws Failure with which the look failed; ENGINE_UNAVAILABLE where nobody looked in time.
 */
export async function inspected<T>(
  { engine, settings, closing }: Deps,
  { organizationId, databaseId, look }: Omit<Inspection, 'policy'>,
  gone: AbortSignal,
): Promise<T> {
  const inspection = { organizationId, databaseId, look, policy: settings.policy };
  const found = await within(settings.api.waitMs, [gone, closing], (enough) =>
    engine.deploys.inspect<T>(inspection, enough),
  );
  if (found === undefined) throw new Failure('ENGINE_UNAVAILABLE', 'No worker has looked at the database in time.');
  return found;
}
