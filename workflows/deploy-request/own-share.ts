import { CancelledFailure } from '@temporalio/workflow';
import type { DeployLife } from '../../domain/deploy/contract';
import { failureView, isRunFailure } from '../saga/failure';
import type { Saga } from '../saga/saga';
import type { DeployProxies } from './activities';
import type { Course } from './course';
import { patienceMs } from './gate';
import type { Orders } from './orders';
import { Share } from './share';

interface OwnDeeds {
  readonly takeBack: () => Promise<void>;
  /** Whether nothing is to be done any more, because another has taken its place. */
  readonly leaves: (error: unknown) => boolean;
}

/**
 * The share of one of several deployments. There may be a thousand, so each does what it can without coming back to its
 * workflow, and finds in its row what its apply wants of it.
 */
export class OwnShare extends Share {
  private isLeft = false;

  constructor(
    life: DeployLife,
    course: Course,
    private readonly orders: Orders,
    act: DeployProxies,
    private readonly deeds: OwnDeeds,
  ) {
    super(life, course, orders, act, deeds.takeBack);
  }

  protected override async make(saga: Saga): Promise<void> {
    const { act, ref, course } = this;
    await saga.step('build', {
      do: async () => {
        if (this.isPast('in_progress')) return;
        await this.details.whileShown(() => act.long.makeReady(ref));
        this.unlessCancelled();
        course.found('pending_cutover');
      },
      // Taken back from wherever it has come to; what was cancelled before its workflow was lost, too.
      undo: () => this.takeBack(),
    });
    this.unlessCancelled();
  }

  protected override async cutOver(): Promise<void> {
    const { act, ref, course, orders, life } = this;
    const { cutoverMs: deadlineMs } = life.deploy;
    for (let heldUps = 0; ; heldUps++) {
      const asked = { ...ref, deadlineMs, restMs: patienceMs(heldUps, deadlineMs) };
      const outcome = await orders.unheard(() => act.following.cutOverWhenTold(asked));
      if ('swapped' in outcome && outcome.swapped)
        return course.found(course.instant ? 'in_progress_cutover' : 'complete_pending_revert');
      course.found('pending_cutover');
      if ('wanted' in outcome) {
        orders.hear(outcome);
        throw new CancelledFailure('it is not to be cut over');
      }
      await this.goOnAsNew();
    }
  }

  protected override async keep(): Promise<void> {
    const { act, ref, course, orders } = this;
    try {
      const outcome = await orders.unheard(() => act.following.finishWhenTold(ref));
      if ('finished' in outcome) course.found('complete');
      else orders.hear(outcome);
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      this.isLeft = this.deeds.leaves(error);
      if (!this.isLeft) await course.enter('fail', { error: failureView(error) });
    }
  }

  /** The grid of its rollout says that of all of them. */
  protected override show(): Promise<void> {
    return Promise.resolve();
  }

  protected override get isOver(): boolean {
    return this.isLeft || super.isOver;
  }
}
