import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, not longer than until it is told to stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
