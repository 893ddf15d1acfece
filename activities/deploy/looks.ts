import type { RequestRef } from '../../domain/deploy/contract';
import type { DeployRequest } from '../../domain/deploy/request';
import { pause } from '../../drivers/database/pause';
import { inItsEpoch, isOwn, planKey, seenBy } from './operation';
import type { DeployPorts } from './ports';
import { operationsOf } from './several';
import { requestOf } from './subject';

/** Milliseconds for which a look at all operations of a request serves everybody who looks at one of them. */
const SHARED_MS = 250;

type Look = Promise<{
  readonly request: DeployRequest;
  readonly operations: ReadonlyMap<string, Awaited<ReturnType<typeof operationsOf>>[number]>;
}>;

/** Looks that are still good, by request. */
const looks = new Map<string, Look>();

/** What ends the rest of those who are about to look again, by request or operation. */
const resting = new Map<string, Set<AbortController>>();

/**
 * A request as {@link requestOf} gives it, as it was a moment ago: however many deployments are watched over in one
 * process, the store is asked a few times a second.
 * @throws Failure NOT_FOUND; STATE_CONFLICT (data: state, epoch) once a later workflow has the operation
 */
export async function lookAt(ports: DeployPorts, ref: RequestRef): Promise<DeployRequest> {
  if (!isOwn(ref)) return await requestOf(ports, ref);
  const { request, operations } = await (looks.get(ref.requestId) ?? begun(ports, ref));
  const operation = operations.get(ref.operation.id);
  return operation ? seenBy(request, inItsEpoch(operation, ref)) : await requestOf(ports, ref);
}

function begun(ports: DeployPorts, { operation: _, ...ref }: RequestRef): Look {
  const look = Promise.all([requestOf(ports, ref), operationsOf(ports, ref)]).then(([request, operations]) => ({
    request,
    operations: new Map(operations.map((each) => [each.id, each])),
  }));
  looks.set(ref.requestId, look);
  setTimeout(() => looks.delete(ref.requestId), SHARED_MS).unref();
  return look;
}

/** Waits until it is time to look again, or something has moved. @returns whether something has */
export async function untilNextLook(ref: RequestRef, ms: number, signal: AbortSignal): Promise<boolean> {
  const key = planKey(ref);
  const moved = new AbortController();
  const others = resting.get(key) ?? new Set();
  resting.set(key, others.add(moved));
  try {
    await pause(ms, AbortSignal.any([signal, moved.signal]));
    return moved.signal.aborted;
  } finally {
    others.delete(moved);
    if (others.size === 0 && resting.get(key) === others) resting.delete(key);
  }
}

/** Has whoever watches over a request, or an operation, in this process look at it now. */
export function hasMoved(ref: RequestRef): void {
  for (const each of resting.get(planKey(ref)) ?? []) each.abort();
}
