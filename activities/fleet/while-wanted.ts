import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';
import { Failure, isFailure, type FailureCode } from '../../domain/failures';
import type { ReplicaRef } from '../../domain/fleet/contract';
import type { Store } from '../../prisma/store';
import { wantedReplica } from './lookup';

/** Milliseconds between two looks whether the replica is still wanted. */
const LOOK_MS = 500;

/** What a replica that is to go, or is gone, is told by. */
const gone: readonly FailureCode[] = ['STATE_CONFLICT', 'NOT_FOUND'];

/**
 * Works on a replica's machine for as long as the replica is wanted. One that is to go is let go of at once.
 * @throws Failure STATE_CONFLICT for a replica that is to go; whatever `work` throws.
 */
export async function whileWanted<T>(
  store: Store,
  ref: ReplicaRef,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const cancelled = cancellationSignal();
  const working = work(AbortSignal.any([cancelled, over.signal]));
  const watching = (async (): Promise<void> => {
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: over.signal });
      await wantedReplica(store, ref);
    }
  })().catch((error: unknown) => {
    if (isFailure(error) && gone.includes(error.code)) over.abort(new Failure('STATE_CONFLICT', error.message));
  });
  try {
    return await working;
  } catch (error) {
    const { reason } = over.signal as { reason: unknown };
    throw isFailure(reason) && !cancelled.aborted ? reason : error;
  } finally {
    over.abort();
    await watching;
  }
}
