import { setTimeout as sleep } from 'node:timers/promises';
import { restAfter } from '../../../domain/schema/pace';
import type { Work } from '../engine';

/** Rests as long as the throttle of a piece of work asks for. */
export async function rest(workedMs: number, { throttle, signal }: Work): Promise<void> {
  const ms = restAfter(workedMs, throttle?.() ?? 0);
  if (ms > 1) await pause(ms, signal);
}

/** Waits, not longer than until it is told to stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
