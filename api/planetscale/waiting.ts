import { setTimeout as sleep } from 'node:timers/promises';
import { isTerminal } from '../../domain/deploy/states';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure } from '../../domain/failures';
import type { Deps } from '../deps';
import { within } from './runs';

/** Milliseconds between looks at a request that somebody waits for: people do not see less. */
export const LOOK_EVERY_MS = 200;

/**
 * Waits until a request is in one of the states, or has ended, or the time that requests may wait is over.
 * @returns it as it is then.
 * @throws Failure NOT_FOUND where it was removed meanwhile.
 */
export async function settled(
  { store, settings, closing }: Deps,
  request: DeployRequest,
  states: readonly string[],
  gone: AbortSignal,
): Promise<DeployRequest> {
  let now = request;
  await within(settings.api.waitMs, [gone, closing], async (enough) => {
    while (!states.includes(now.deployment.state) && !isTerminal(now.deployment.state) && !enough.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: enough }).catch(() => undefined);
      const { organizationId, databaseId, number } = request;
      const found = await store.deploys.requests.get(organizationId, databaseId, number);
      if (!found) throw new Failure('NOT_FOUND');
      now = found;
    }
  });
  return now;
}
