import { activityInfo } from '@temporalio/activity';
import type { RequestRef } from '../../domain/deploy/contract';
import { isFailure } from '../../domain/failures';
import { isOwn, noteOperation } from './operation';
import type { DeployPorts } from './ports';

/**
 * Steps that say of an operation why it does not go on, for as long as an attempt is followed by another: nothing limits
 * how long they are tried, so whoever looks has to see what they wait for.
 */
export function tellingSteps<T extends object>(ports: DeployPorts, steps: T): T {
  const told = Object.entries(steps).map(([name, step]) => {
    const does = step as (ref: RequestRef) => Promise<unknown>;
    return [name, async (ref: RequestRef) => (isOwn(ref) ? await telling(ports, ref, does) : await does(ref))];
  });
  return Object.fromEntries(told) as T;
}

async function telling(
  ports: DeployPorts,
  ref: RequestRef,
  step: (ref: RequestRef) => Promise<unknown>,
): Promise<unknown> {
  try {
    const result = await step(ref);
    if (activityInfo().attempt > 1) await noteOperation(ports, ref, { waits: null });
    return result;
  } catch (error) {
    if (isFailure(error) && error.retryable) await noteOperation(ports, ref, { waits: error.message });
    throw error;
  }
}
