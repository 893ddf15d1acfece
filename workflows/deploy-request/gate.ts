import {
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  type TemporalFailure,
} from '@temporalio/workflow';
import type { DeployLife, RequestRef } from '../../domain/deploy/contract';
import { isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import type { DeployProxies } from './activities';
import type { Course } from './course';
import { refOf } from './ref';

/** Whoever applies itself says so by this name. */
const AUTO = 'auto-apply';

/** How long it is waited after a cut-over that was held up before it is tried again by itself: shares of its deadline. */
const PATIENCE = [0.1, 0.5, 1, 3];

/** The time between the copy and the cut-over: both sides are kept alike until somebody applies the request. */
export class Gate {
  private readonly ref: RequestRef;
  private heldUps = 0;

  constructor(
    private readonly life: DeployLife,
    private readonly course: Course,
    private readonly act: DeployProxies,
    /** Called where nothing is under way. */
    private readonly onIdle: () => Promise<void>,
  ) {
    this.ref = refOf(life);
  }

  /** Waits to be applied and cuts over, as often as it takes. @throws CancelledFailure when it is cancelled before. */
  async pass(): Promise<void> {
    const { course, life } = this;
    for (;;) {
      if (course.state === 'pending_cutover') await this.untilApplied();
      if (course.state === 'pending_cutover') {
        await this.onIdle();
        continue;
      }
      if (course.state !== 'in_progress_cutover') throw new CancelledFailure('the request was cancelled');
      await course.settled();
      const outcome = await this.act.swap.cutOver({ ...this.ref, deadlineMs: life.deploy.cutoverMs });
      if (outcome.swapped) return await this.open();
      this.heldUps++;
      await course.enter('holdUp', { error: outcome.heldUp });
      await this.onIdle();
    }
  }

  private async open(): Promise<void> {
    const { course, life } = this;
    if (course.instant) return;
    await course.enter('open', { error: null, ...course.windowFrom(life.deploy.revertWindowMs) });
  }

  private async untilApplied(): Promise<void> {
    const { course, life } = this;
    const scope = new CancellationScope();
    let broken: TemporalFailure | undefined;
    const following = scope
      .run(() => this.act.long.follow({ ...this.ref, state: 'pending_cutover' }))
      .catch((error: unknown) => {
        if (!isRunFailure(error)) throw error;
        // The worker that followed may have died before it was told to stop: that is an end as good as any.
        if (!isCancellation(error) && !scope.consideredCancelled) broken = error;
      });
    try {
      const since = Date.now();
      while (course.state === 'pending_cutover' && !broken && !isLong(life.policy)) {
        const waiting = (): boolean => course.state === 'pending_cutover' && !broken && !isLong(life.policy);
        const leftMs = since + this.patienceMs - Date.now();
        if (!this.appliesItself) await condition(() => !waiting() || this.appliesItself);
        else if (leftMs > 0) await condition(() => !waiting() || !this.appliesItself, leftMs);
        else await course.enter('cutOver', { by: AUTO, error: null });
      }
    } finally {
      scope.cancel();
      await CancellationScope.nonCancellable(() => following);
    }
    if (broken) throw broken;
  }

  private get appliesItself(): boolean {
    const { autoCutover, instant } = this.course;
    return autoCutover || instant;
  }

  private get patienceMs(): number {
    return patienceMs(this.heldUps, this.life.deploy.cutoverMs);
  }
}

/** Milliseconds before a cut-over is tried again by itself. @param cutoverMs how long one is tried */
export function patienceMs(heldUps: number, cutoverMs: number): number {
  return heldUps === 0 ? 0 : PATIENCE[Math.min(heldUps, PATIENCE.length) - 1]! * cutoverMs;
}
