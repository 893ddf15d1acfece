import { ApplicationFailure, condition } from '@temporalio/workflow';
import { DeployWorkflow, type DeployLife, type RequestRef } from '../../domain/deploy/contract';
import { holdsPlace } from '../../domain/deploy/states';
import { isLong } from '../saga/history';
import { Saga } from '../saga/saga';
import { nothing, type Rollback } from '../saga/undo';
import type { DeployProxies } from './activities';
import type { Commands } from './commands';
import { conclude } from './conclude';
import type { Course } from './course';
import { ticketOf } from './place';
import { refOf } from './ref';
import type { Rollout } from './rollout';
import { rolloutText } from './rollout-text';
import { Share } from './share';

/** The deploy of a request, from the queue to the end of its revert window. */
export class Deploy {
  private readonly ref: RequestRef;
  private readonly share: Share;
  /** Whether something that was made for it is still there although it was to be taken back. */
  leftBehind = false;

  constructor(
    private readonly life: DeployLife,
    private readonly course: Course,
    commands: Commands,
    private readonly rollout: Rollout,
    private readonly act: DeployProxies,
  ) {
    this.ref = refOf(life);
    this.share = new Share(life, course, commands, act);
  }

  async run(): Promise<void> {
    const { organizationId, policy } = this.life;
    const definition = { kind: DeployWorkflow.request, organizationId, policy, placement: 'local' } as const;
    const { share, course } = this;
    const details = (): string => (course.several ? rolloutText(course.apply) : share.details.text);
    await Saga.run({ ...definition, details }, async (saga) => {
      share.details.shownBy(saga);
      this.rollout.onLooked = () => saga.publish();
      await this.untilPlaced(saga);
      if (course.several) return await this.rollOut(saga);
      await share.untilLive(saga);
      await share.untilOver(saga);
    });
  }

  private async untilPlaced(saga: Saga): Promise<void> {
    await saga.step('place', {
      do: () => this.place(),
      undo: (_, rollback) => this.giveBack(rollback),
    });
    if (this.share.isPast('submitting') || this.hasRolledOn) return;
    await saga.step('check', { do: () => this.checkAgain(), undo: nothing('a look leaves nothing behind') });
  }

  /** Whether any of its operations was begun, so that the check of before that holds. */
  private get hasRolledOn(): boolean {
    const { apply } = this.course;
    return apply !== null && Object.keys(apply.operations).some((state) => state !== 'pending');
  }

  private async place(): Promise<void> {
    const { share } = this;
    if (share.isCancelled) return;
    await this.act.queue.join(ticketOf(this.life, !share.beganInQueue));
    while (this.course.preceding?.length !== 0 && !share.isCancelled) {
      await condition(() => this.course.preceding?.length === 0 || share.isCancelled || isLong(this.life.policy));
      await share.goOnAsNew();
    }
    if (share.beganInQueue) await share.enter('submit');
  }

  /** The place is kept for as long as something of the request is in the way of the next. */
  private async giveBack({ leftBehind, cancelled, error }: Rollback): Promise<void> {
    const { course } = this;
    this.leftBehind = leftBehind.length > 0;
    if (this.leftBehind) return await this.act.store.set({ ...this.ref, error });
    if (course.several) await this.act.store.settleApply(this.ref);
    if (course.state === 'in_progress_cancel') await course.enter('cancelled');
    else if (!cancelled && holdsPlace(course.state) && course.state !== 'complete_error')
      await course.enter('fail', { error });
    if (holdsPlace(course.state)) return;
    await this.act.queue.leave(ticketOf(this.life));
    course.left = true;
  }

  /** The target may have changed while the request waited. */
  private async checkAgain(): Promise<void> {
    const { result, error, several } = await this.act.check.check({ ...this.ref, again: true });
    // There may be more deployments by now, or less; runs that began before there were any do not say.
    this.course.several = several ?? false;
    this.share.unlessCancelled();
    if (result !== 'error') return;
    await this.course.enter('refuseLate', { error });
    throw ApplicationFailure.nonRetryable(error!.message, error!.code);
  }

  /** Has every deployment changed by a workflow of its own. */
  private async rollOut(saga: Saga): Promise<void> {
    const { rollout, course, share, life, act } = this;
    if (!course.apply) share.unlessCancelled();
    await saga.step('rollout', { do: () => rollout.run(), undo: () => rollout.takeBack() });
    if (course.state === 'complete_revert_error') return;
    await saga.step('finish', {
      do: () => conclude(life, act, course.state === 'complete_revert'),
      undo: nothing('what is live stays so'),
    });
  }
}
