import { allHandlersFinished, CancelledFailure, condition, continueAsNew } from '@temporalio/workflow';
import type { DeployLife, RequestRef } from '../../domain/deploy/contract';
import { isTerminal, type DeploymentState } from '../../domain/deploy/states';
import { failureView, isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import type { Saga } from '../saga/saga';
import { nothing, pointOfNoReturn, type Undo } from '../saga/undo';
import type { DeployProxies } from './activities';
import type { Course } from './course';
import { Details } from './details';
import { Gate } from './gate';
import { refOf } from './ref';
import { finishDeploy, untilDecided, type Said } from './window';

/** The states of a deploy in their order; a workflow that was begun again goes on from the one it finds. */
const order: readonly DeploymentState[] = [
  ...(['queued', 'submitting', 'in_progress', 'pending_cutover', 'in_progress_cutover'] as const),
  ...(['complete_pending_revert', 'in_progress_revert'] as const),
];

/** A change of one schema, from its new tables to the end of its revert window. */
export class Share {
  readonly details: Details;
  protected readonly ref: RequestRef;
  /** Where it stood when this run began. */
  private readonly began: number;

  constructor(
    protected readonly life: DeployLife,
    protected readonly course: Course,
    private readonly said: Said,
    protected readonly act: DeployProxies,
    protected readonly takeBack: () => Promise<void> = () => act.undo.takeBack(refOf(life)),
  ) {
    this.ref = refOf(life);
    this.details = new Details(() => act.quick.describe(this.ref));
    this.began = order.indexOf(course.state);
  }

  /** Whether it was queued, or less, when this run began. */
  get beganInQueue(): boolean {
    return this.began === 0;
  }

  get isCancelled(): boolean {
    return this.course.state === 'in_progress_cancel';
  }

  unlessCancelled(): void {
    if (this.isCancelled) throw new CancelledFailure('the request was cancelled');
  }

  isPast(state: DeploymentState): boolean {
    return this.began > order.indexOf(state) || this.isCancelled;
  }

  async enter(move: 'submit' | 'begin' | 'gate'): Promise<void> {
    this.unlessCancelled();
    await this.course.enter(move);
  }

  /** Makes, fills and proves the new tables, and puts them in the place of the old. */
  async untilLive(saga: Saga): Promise<void> {
    await this.make(saga);
    await saga.step('cut-over', {
      do: () => (this.isPast('in_progress_cutover') ? Promise.resolve() : this.cutOver()),
      undo: nothing('nothing is live until it is done'),
    });
  }

  /** Makes, fills and proves the new tables. */
  protected async make(saga: Saga): Promise<void> {
    const { act, ref } = this;
    await saga.step('prepare', {
      do: async () => {
        if (this.isPast('submitting')) return;
        await act.submit.prepareChange(ref);
        await this.enter('begin');
      },
      // Taken back from wherever it has come to; what was cancelled before its workflow was lost, too.
      undo: () => this.takeBack(),
    });
    this.unlessCancelled();
    if (!this.isPast('in_progress')) {
      await this.details.whileShown(async () => {
        await saga.step('copy', { do: () => act.long.copy(ref), undo: nothing('it goes with what was prepared') });
        await saga.step('prove', { do: () => act.long.prove(ref), undo: nothing('a look leaves nothing behind') });
      });
      await this.enter('gate');
      await this.show();
    }
  }

  /** Waits for the moment to cut over, and does it. */
  protected async cutOver(): Promise<void> {
    await new Gate(this.life, this.course, this.act, () => this.goOnAsNew()).pass();
  }

  /** Keeps what is live revertable until it is decided what becomes of it. */
  protected async keep(): Promise<void> {
    await untilDecided(this.life, this.course, this.said, this.act, () => this.goOnAsNew());
  }

  /** Keeps what is live revertable for a while, and removes the side that is not. */
  async untilOver(saga: Saga): Promise<void> {
    if (this.course.instant) await this.finish(saga, pointOfNoReturn('it was made instantly, without a way back'));
    else await this.afterwards(saga);
  }

  private async afterwards(saga: Saga): Promise<void> {
    const { course, said } = this;
    for (let time = 1; ; time++) {
      await this.show();
      const again = time === 1 ? '' : `-${time}`;
      await saga.step(`window${again}`, {
        do: () => this.keep(),
        undo: pointOfNoReturn('what is live is taken back by a revert, which loses nothing'),
      });
      if (course.state !== 'in_progress_revert') break;
      const reverted = await saga.step(`revert${again}`, {
        do: () => this.revert(),
        undo: nothing('a revert that is held up changes nothing'),
      });
      if (reverted !== 'held up') break;
      said.windowOver = said.skipped = false;
    }
    if (this.isOver) return;
    await this.finish(saga, nothing('what is not live is not needed any more'));
  }

  /** Says how far it is. */
  protected async show(): Promise<void> {
    await this.details.show();
  }

  /** Whether there is nothing left to do. */
  protected get isOver(): boolean {
    return isTerminal(this.course.state);
  }

  private async finish(saga: Saga, undo: Undo<void>): Promise<void> {
    await saga.step('finish', { do: () => finishDeploy(this.life, this.course, this.act), undo });
  }

  private async revert(): Promise<'done' | 'failed' | 'held up'> {
    const { act, ref, course, said, life } = this;
    await course.settled();
    try {
      const { acceptLosses } = said;
      const outcome = await act.swap.revert({ ...ref, acceptLosses, deadlineMs: life.deploy.cutoverMs });
      if (outcome.swapped) return 'done';
      await course.enter('holdUpRevert', { error: outcome.heldUp, ...course.windowFrom(life.deploy.revertWindowMs) });
      return 'held up';
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      await course.enter('failRevert', { error: failureView(error) });
      return 'failed';
    }
  }

  /** Goes on with a new history where this one is long; called where nothing is under way. */
  async goOnAsNew(): Promise<void> {
    if (!isLong(this.life.policy)) return;
    await condition(allHandlersFinished);
    await this.course.settled();
    if (!this.isCancelled) await continueAsNew(this.life);
  }
}
