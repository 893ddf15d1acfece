import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';

/** Waits for a time, in milliseconds; a cancelled activity wakes up at once. @throws AbortError when it is cancelled. */
export async function pause(ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: cancellationSignal() });
}
