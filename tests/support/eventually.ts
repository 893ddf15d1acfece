import { setTimeout as sleep } from 'node:timers/promises';

/** Between two checks, in milliseconds: what has taken long is looked at less often, for looking takes time, too. */
const [SHORTEST, LONGEST, SHARE] = [20, 100, 0.1];

/** Repeats `check` until it does not throw; past `deadlineMs` it throws what `check` threw last. */
export async function eventually<T>(check: () => T | Promise<T>, deadlineMs = 15_000): Promise<T> {
  const began = Date.now();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > began + deadlineMs) throw error;
    }
    await sleep(Math.min(LONGEST, Math.max(SHORTEST, (Date.now() - began) * SHARE)));
  }
}
