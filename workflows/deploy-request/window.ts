import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { DeployLife } from '../../domain/deploy/contract';
import { failureView, isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import type { DeployProxies } from './activities';
import { conclude } from './conclude';
import type { Course } from './course';
import { refOf } from './ref';

/** What was said of a revert window. */
export interface Said {
  /** Whether nobody wants it any more. */
  skipped: boolean;
  /** Whether it is over, so that there is nothing to revert to any more. */
  windowOver: boolean;
  /** Whether what a revert would lose was given up. */
  readonly acceptLosses: boolean;
  /** How many are asking what a revert would lose: it stays open for them. */
  readonly deciding: number;
}

/** Keeps the old side like the new one until the window is over, somebody skips the rest of it, or reverts. */
export async function untilDecided(
  life: DeployLife,
  course: Course,
  said: Said,
  act: DeployProxies,
  /** Called where nothing is under way. */
  onIdle: () => Promise<void>,
): Promise<void> {
  if (course.state !== 'complete_pending_revert') return;
  const ref = refOf(life);
  const scope = new CancellationScope();
  const following = scope
    .run(() => act.long.follow({ ...ref, state: 'complete_pending_revert' }))
    .catch(async (error: unknown) => {
      if (!isRunFailure(error)) throw error;
      // What is live stays so; a revert would find out that the sides are not kept alike.
      if (!isCancellation(error) && !scope.consideredCancelled)
        await act.store.set({ ...ref, error: failureView(error) });
    });
  const decided = (): boolean => said.skipped || course.state !== 'complete_pending_revert';
  const leftMs = course.revertWindowEndsAt! - Date.now();
  const isOver = leftMs <= 0 || !(await condition(() => decided() || isLong(life.policy), leftMs));
  if (!isOver && !decided()) {
    scope.cancel();
    await following;
    await onIdle();
    return await untilDecided(life, course, said, act, onIdle);
  }
  // Whoever asked what a revert would lose, did so in time.
  await condition(() => said.deciding === 0);
  said.windowOver = course.state === 'complete_pending_revert';
  scope.cancel();
  await following;
  await course.settled();
}

/** Removes what is not live. */
export async function finishDeploy(life: DeployLife, course: Course, act: DeployProxies): Promise<void> {
  const ref = refOf(life);
  const isReverted = course.state === 'in_progress_revert';
  const done = isReverted ? 'reverted' : course.state === 'in_progress_cutover' ? 'finishAtOnce' : 'finish';
  try {
    await act.long.finish(ref);
  } catch (error) {
    if (!isRunFailure(error)) throw error;
    await course.enter(isReverted ? 'failRevert' : 'fail', { error: failureView(error) });
    return;
  }
  await course.enter(done, { error: null });
  if (!ref.operation) await conclude(life, act, isReverted);
}
