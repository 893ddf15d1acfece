import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRef } from '../../domain/deploy/contract';
import type { DeployRequest } from '../../domain/deploy/request';
import { pause } from '../../drivers/database/pause';
import { isOwn, isSeen, planKey, type OwnRef, type Seen } from './operation';
import type { DeployPorts } from './ports';
import { operationsOf } from './several';
import { requestOf } from './subject';

/** Milliseconds between two looks at a request. */
const LOOK_MS = 500;

/** Milliseconds between two looks at an operation of which nothing has been seen to move. */
const CALM_LOOK_MS = 30_000;

/** Milliseconds between two looks at all operations of a request. */
const SHARED_MS = 400;

/** An operation whose next look is waited for. */
interface Rest {
  readonly id: string;
  /** Of what was seen of it. */
  readonly mark: string;
  readonly moved: AbortController;
}

/** What ends the rest of those who are about to look again, by request or operation. */
const resting = new Map<string, Set<AbortController>>();

/** Operations that are watched over, by request. */
const watched = new Map<string, Set<Rest>>();

/** Requests whose operations are looked at. */
const looking = new Set<string>();

/**
 * Waits until it is time to look at a request again, or something has moved. However many operations of one request are
 * watched over in a process, the store is asked for all of them together, a few times a second.
 * @param seen the request as it was seen before
 */
export async function untilNextLook(
  ports: DeployPorts,
  ref: RequestRef,
  seen: DeployRequest,
  signal: AbortSignal,
): Promise<void> {
  const moved = new AbortController();
  const leave = enter(resting, planKey(ref), moved);
  try {
    if (isOwn(ref) && isSeen(seen))
      await untilSeen(ports, ref, { id: ref.operation.id, mark: markOf(seen), moved }, signal);
    else await pause(LOOK_MS, AbortSignal.any([signal, moved.signal]));
  } finally {
    leave();
  }
}

/** Has whoever watches over a request, or an operation, in this process look at it now. */
export function hasMoved(ref: Pick<RequestRef, 'requestId' | 'operation'>): void {
  for (const each of resting.get(planKey(ref)) ?? []) each.abort();
}

async function untilSeen(ports: DeployPorts, ref: OwnRef, rest: Rest, signal: AbortSignal): Promise<void> {
  const leave = enter(watched, ref.requestId, rest);
  if (!looking.has(ref.requestId)) void watch(ports, ref);
  try {
    await pause(CALM_LOOK_MS, AbortSignal.any([signal, rest.moved.signal]));
  } finally {
    leave();
  }
}

/** Looks at all operations of a request for as long as any of them is watched over, and wakes those that have moved. */
async function watch(ports: DeployPorts, { operation: _, ...ref }: RequestRef): Promise<void> {
  looking.add(ref.requestId);
  for (;;) {
    await sleep(SHARED_MS);
    const rests = watched.get(ref.requestId);
    if (!rests) break;
    // That the store is away for a while is no matter.
    const look = await Promise.all([requestOf(ports, ref), operationsOf(ports, ref)]).catch(() => null);
    if (!look) continue;
    const [request, operations] = look;
    const marks = new Map(operations.map((each) => [each.id, markOf({ ...request, operation: each })]));
    for (const { id, mark, moved } of rests) if (marks.get(id) !== mark) moved.abort();
  }
  looking.delete(ref.requestId);
}

/** What somebody who watches over an operation goes by. */
function markOf({ deployment, operation }: Pick<Seen, 'deployment' | 'operation'>): string {
  const { throttle, forceCutoverRequestedAt } = deployment;
  const { state, wanted, epoch } = operation;
  return [state, wanted, epoch, throttle, forceCutoverRequestedAt?.getTime()].join();
}

/** Enters somebody into the set of a key. @returns what takes them out of it again */
function enter<T>(sets: Map<string, Set<T>>, key: string, one: T): () => void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(one));
  return () => {
    set.delete(one);
    if (set.size === 0 && sets.get(key) === set) sets.delete(key);
  };
}
