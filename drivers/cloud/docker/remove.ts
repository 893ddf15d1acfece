import type Docker from 'dockerode';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBeingRemoved, isTorn, isUnknown } from './errors';

const ATTEMPTS = 5;
const PAUSE_MS = 50;

/**
 * Ends a container whatever it does and removes it with its volumes; one that is gone, or going, is left to that.
 * @throws the engine's own error.
 */
export async function removeContainer(container: Docker.Container, signal?: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await container.remove({ force: true, v: true, abortSignal: signal });
      return;
    } catch (error) {
      if (isUnknown(error) || isBeingRemoved(error)) return;
      if (!isTorn(error) || attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }
}
