import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats `check` until it does not throw; past `deadlineMs` it throws what `check` threw last. */
export async function eventually<T>(check: () => T | Promise<T>, deadlineMs = 15_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(25);
  }
}
