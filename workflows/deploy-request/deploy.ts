import {
  allHandlersFinished,
  ApplicationFailure,
  CancelledFailure,
  condition,
  continueAsNew,
} from '@temporalio/workflow';
import { DeployWorkflow, type DeployLife, type RequestRef } from '../../domain/deploy/contract';
import { holdsPlace, type DeploymentState } from '../../domain/deploy/states';
import { Saga } from '../saga/saga';
import { failureView, isRunFailure } from '../saga/failure';
import { nothing, pointOfNoReturn, type Rollback, type Undo } from '../saga/undo';
import type { DeployProxies } from './activities';
import type { Commands } from './commands';
import type { Course } from './course';
import { Details } from './details';
import { Gate } from './gate';
import { isLong } from './long';
import { ticketOf } from './place';
import { finishDeploy, untilDecided } from './window';

/** The states of a deploy in their order; a workflow that was begun again goes on from the one it finds. */
const order: readonly DeploymentState[] = [
  ...(['queued', 'submitting', 'in_progress', 'pending_cutover', 'in_progress_cutover'] as const),
  ...(['complete_pending_revert', 'in_progress_revert'] as const),
];

/** The deploy of a request, from the queue to the end of its revert window. */
export class Deploy {
  private readonly ref: RequestRef;
  private readonly details: Details;
  /** Where it stood when this run began. */
  private readonly began: number;
  /** Whether something that was made for it is still there although it was to be taken back. */
  leftBehind = false;

  constructor(
    private readonly life: DeployLife,
    private readonly course: Course,
    private readonly commands: Commands,
    private readonly act: DeployProxies,
  ) {
    const { organizationId, databaseId, requestId, number } = life;
    this.ref = { organizationId, databaseId, requestId, number };
    this.details = new Details(() => act.quick.describe(this.ref));
    this.began = order.indexOf(course.state);
  }

  async run(): Promise<void> {
    const { organizationId, policy } = this.life;
    const definition = { kind: DeployWorkflow.request, organizationId, policy, placement: 'local' } as const;
    await Saga.run({ ...definition, details: () => this.details.text }, async (saga) => {
      this.details.shownBy(saga);
      await this.untilLive(saga);
      if (this.course.instant) await this.finish(saga, pointOfNoReturn('it was made instantly, without a way back'));
      else await this.afterwards(saga);
    });
  }

  private async untilLive(saga: Saga): Promise<void> {
    const { act, ref, course, life } = this;
    await saga.step('place', {
      do: () => this.place(),
      undo: (_, rollback) => this.giveBack(rollback),
    });
    if (!this.isPast('submitting'))
      await saga.step('check', { do: () => this.checkAgain(), undo: nothing('a look leaves nothing behind') });
    await saga.step('prepare', {
      do: async () => {
        if (this.isPast('submitting')) return;
        await act.submit.prepareChange(ref);
        await this.enter('begin');
      },
      // Taken back from wherever it has come to; what was cancelled before its workflow was lost, too.
      undo: () => act.undo.takeBack(ref),
    });
    this.unlessCancelled();
    if (!this.isPast('in_progress')) {
      await this.details.whileShown(async () => {
        await saga.step('copy', { do: () => act.long.copy(ref), undo: nothing('it goes with what was prepared') });
        await saga.step('prove', { do: () => act.long.prove(ref), undo: nothing('a look leaves nothing behind') });
      });
      await this.enter('gate');
      await this.details.show();
    }
    await saga.step('cut-over', {
      do: () =>
        this.isPast('in_progress_cutover')
          ? Promise.resolve()
          : new Gate(life, course, act, () => this.goOnAsNew()).pass(),
      undo: nothing('nothing is live until it is done'),
    });
  }

  private async place(): Promise<void> {
    const holds = this.began !== 0;
    if (this.isCancelled) return;
    await this.act.queue.join(ticketOf(this.life, holds));
    while (this.course.preceding?.length !== 0 && !this.isCancelled) {
      await condition(() => this.course.preceding?.length === 0 || this.isCancelled || isLong());
      await this.goOnAsNew();
    }
    if (this.began === 0) await this.enter('submit');
  }

  /** The place is kept for as long as something of the request is in the way of the next. */
  private async giveBack({ leftBehind, cancelled, error }: Rollback): Promise<void> {
    const { course } = this;
    this.leftBehind = leftBehind.length > 0;
    if (this.leftBehind) return await this.act.store.set({ ...this.ref, error });
    if (course.state === 'in_progress_cancel') await course.enter('cancelled');
    else if (!cancelled && holdsPlace(course.state) && course.state !== 'complete_error')
      await course.enter('fail', { error });
    if (holdsPlace(course.state)) return;
    await this.act.queue.leave(ticketOf(this.life));
    course.left = true;
  }

  /** The target may have changed while the request waited. */
  private async checkAgain(): Promise<void> {
    const { result, error } = await this.act.check.check({ ...this.ref, again: true });
    this.unlessCancelled();
    if (result !== 'error') return;
    await this.course.enter('refuseLate', { error });
    throw ApplicationFailure.nonRetryable(error!.message, error!.code);
  }

  private async afterwards(saga: Saga): Promise<void> {
    const { act, ref, course, commands } = this;
    for (let time = 1; ; time++) {
      await this.details.show();
      const again = time === 1 ? '' : `-${time}`;
      await saga.step(`window${again}`, {
        do: () => untilDecided(ref, course, commands, act, () => this.goOnAsNew()),
        undo: pointOfNoReturn('what is live is taken back by a revert, which loses nothing'),
      });
      if (course.state !== 'in_progress_revert') break;
      const reverted = await saga.step(`revert${again}`, {
        do: () => this.revert(),
        undo: nothing('a revert that is held up changes nothing'),
      });
      if (reverted !== 'held up') break;
      commands.windowOver = commands.skipped = false;
    }
    if (course.state === 'complete_revert_error') return;
    await this.finish(saga, nothing('what is not live is not needed any more'));
  }

  private async finish(saga: Saga, undo: Undo<void>): Promise<void> {
    await saga.step('finish', { do: () => finishDeploy(this.life, this.course, this.act), undo });
  }

  private async revert(): Promise<'done' | 'failed' | 'held up'> {
    const { act, ref, course, commands, life } = this;
    await course.settled();
    try {
      const { acceptLosses } = commands;
      const outcome = await act.swap.revert({ ...ref, acceptLosses, deadlineMs: life.deploy.cutoverMs });
      if (outcome.swapped) return 'done';
      // Whoever wanted it needs the time to do something about it.
      const revertWindowEndsAt = new Date(Date.now() + life.deploy.revertWindowMs).toISOString();
      await course.enter('holdUpRevert', { error: outcome.heldUp, revertWindowEndsAt });
      return 'held up';
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      await course.enter('failRevert', { error: failureView(error) });
      return 'failed';
    }
  }

  /** Goes on with a new history where this one is long; called where nothing is under way. */
  private async goOnAsNew(): Promise<void> {
    if (!isLong()) return;
    await condition(allHandlersFinished);
    await this.course.settled();
    if (!this.isCancelled) await continueAsNew(this.life);
  }

  private async enter(move: 'submit' | 'begin' | 'gate'): Promise<void> {
    this.unlessCancelled();
    await this.course.enter(move);
  }

  private get isCancelled(): boolean {
    return this.course.state === 'in_progress_cancel';
  }

  private unlessCancelled(): void {
    if (this.isCancelled) throw new CancelledFailure('the request was cancelled');
  }

  private isPast(state: DeploymentState): boolean {
    return this.began > order.indexOf(state) || this.isCancelled;
  }
}
