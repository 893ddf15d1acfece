import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { DeployLife, RequestRef } from '../../domain/deploy/contract';
import { failureView, isRunFailure } from '../saga/failure';
import type { DeployProxies } from './activities';
import type { Commands } from './commands';
import { conclude } from './conclude';
import type { Course } from './course';
import { isLong } from './long';

/** Keeps the old side like the new one until the window is over, somebody skips the rest of it, or reverts. */
export async function untilDecided(
  ref: RequestRef,
  course: Course,
  commands: Commands,
  act: DeployProxies,
  /** Called where nothing is under way. */
  onIdle: () => Promise<void>,
): Promise<void> {
  if (course.state !== 'complete_pending_revert') return;
  const scope = new CancellationScope();
  const following = scope
    .run(() => act.long.follow({ ...ref, state: 'complete_pending_revert' }))
    .catch(async (error: unknown) => {
      if (!isRunFailure(error)) throw error;
      // What is live stays so; a revert would find out that the sides are not kept alike.
      if (!isCancellation(error) && !scope.consideredCancelled)
        await act.store.set({ ...ref, error: failureView(error) });
    });
  const decided = (): boolean => commands.skipped || course.state !== 'complete_pending_revert';
  const leftMs = course.revertWindowEndsAt! - Date.now();
  const isOver = leftMs <= 0 || !(await condition(() => decided() || isLong(), leftMs));
  if (!isOver && !decided()) {
    scope.cancel();
    await following;
    await onIdle();
    return await untilDecided(ref, course, commands, act, onIdle);
  }
  // Whoever asked what a revert would lose, did so in time.
  await condition(() => commands.deciding === 0);
  commands.windowOver = course.state === 'complete_pending_revert';
  scope.cancel();
  await following;
  await course.settled();
}

/** Removes what is not live. */
export async function finishDeploy(life: DeployLife, course: Course, act: DeployProxies): Promise<void> {
  const { organizationId, databaseId, requestId, number } = life;
  const ref: RequestRef = { organizationId, databaseId, requestId, number };
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
  await conclude(life, act, isReverted);
}
