/**
 * Aborts `controller` when one of the signals is. Unlike AbortSignal.any, nothing stays with a signal that outlives its
 * use once the returned function was called.
 */
export function abortWith(controller: AbortController, ...signals: readonly AbortSignal[]): () => void {
  const abort = (): void => controller.abort();
  if (signals.some((signal) => signal.aborted)) abort();
  for (const signal of signals) signal.addEventListener('abort', abort);
  return () => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
}
