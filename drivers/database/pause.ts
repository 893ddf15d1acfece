import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, not longer than until it is told to stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Waits until it is told to stop. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
