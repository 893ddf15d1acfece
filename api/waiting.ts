import type { GatewayStarted, GatewayStopped } from '../domain/gateway/contract';
import type { FailureView } from '../domain/saga';
import type { Deps } from './deps';
import type { RunOutcome } from './engine';
import { abortWith } from './signals';

/** What a request knows of its run when it stops waiting. */
export type Waited<T> =
  | RunOutcome<T>
  /** Its undo is stuck; the original error is known. */
  | { readonly attention: FailureView | null }
  /** It goes on. */
  | undefined;

/**
 * Waits for a run until it ends, needs a person, `waitMs` are over, the caller has gone or the API closes.
 * @param joined whether the run may have begun before this request, so that its state has to be looked up.
 * @throws Failure NOT_FOUND, ENGINE_UNAVAILABLE
 */
export async function waitForRun<T extends GatewayStarted | GatewayStopped>(
  { engine, store, watch, closing }: Deps,
  runId: string,
  { waitMs, gone, joined }: { readonly waitMs: number; readonly gone: AbortSignal; readonly joined: boolean },
): Promise<Waited<T>> {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), waitMs);
  const leave = abortWith(enough, gone, closing);
  let unlisten = (): void => undefined;
  const stuck = new Promise<Waited<T>>((resolve) => {
    unlisten = watch.listen((entry) => {
      if (entry.runId === runId && entry.type === 'run.state' && entry.state === 'needs_attention')
        resolve({ attention: entry.error ?? null });
    });
  });
  try {
    if (joined) {
      const run = await store.journal.run(runId);
      if (run?.state === 'needs_attention') return { attention: run.error };
    }
    const waited = await Promise.race([engine.outcome<T>(runId, enough.signal), stuck]);
    return waited && 'attention' in waited && waited.attention === null
      ? { attention: (await store.journal.run(runId))?.error ?? null }
      : waited;
  } finally {
    clearTimeout(timer);
    leave();
    enough.abort();
    unlisten();
  }
}
