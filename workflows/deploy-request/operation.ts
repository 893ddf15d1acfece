import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  type TemporalFailure,
} from '@temporalio/workflow';
import { DeployWorkflow, type RequestRef } from '../../domain/deploy/contract';
import { isTerminal } from '../../domain/deploy/states';
import { failures } from '../../domain/failures';
import type { OperationLife } from '../../domain/rollout/contract';
import type { FailureView } from '../../domain/saga';
import { failureData, failureView, isRunFailure } from '../saga/failure';
import { Saga } from '../saga/saga';
import { deployActivities, type DeployProxies } from './activities';
import { Course } from './course';
import { Orders } from './orders';
import { refOf } from './ref';
import { OwnShare } from './own-share';

/**
 * The share of one deployment in a request. It does what its apply tells it and nothing by itself: who is cancelled in
 * Temporal goes on, and who is ended there is begun again, by the request's workflow. There is one at a time: whatever one
 * writes that was taken for lost is refused, and it ends.
 */
export async function deployOperation(life: OperationLife): Promise<void> {
  const operation = new Operation(life);
  await CancellationScope.nonCancellable(() => operation.live());
}

/** Why an operation whose undo was given up is not as it was before. */
const left: FailureView = { code: 'INTERNAL', message: 'it was taken back, but something of it was left behind' };

class Operation {
  private readonly ref: RequestRef;
  private readonly act: DeployProxies;
  private readonly course: Course;
  private readonly orders: Orders;
  private readonly scope = new CancellationScope();
  /** Whether something is under way that can be interrupted. */
  private isUnderWay = false;
  /** Whether another has taken its place. */
  private isReplaced = false;
  private isTakenBack = false;

  constructor(private readonly life: OperationLife) {
    const { policy, deploy } = life;
    this.ref = refOf(life);
    this.act = deployActivities(policy, deploy);
    this.course = new Course(this.ref, this.act);
    const interrupt = (): void => {
      if (this.isUnderWay) this.scope.cancel();
    };
    this.orders = new Orders(this.course, interrupt, (error) => {
      this.leaveIfReplaced(error);
      this.scope.cancel();
    });
    this.course.onEntered = () => this.orders.obey();
  }

  async live(): Promise<void> {
    let failed: TemporalFailure | undefined;
    try {
      await this.begin();
      if (this.orders.stopping) await this.course.note('stop');
      else if (!isTerminal(this.course.state)) await this.deploy();
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      if (!this.leaveIfReplaced(error)) failed = error;
    }
    if (failed) await this.fail(failed);
    await condition(allHandlersFinished);
    await this.act.store.endOperation(this.ref);
    if (failed && !this.isReplaced) throw failed;
  }

  private async begin(): Promise<void> {
    const standing = await this.act.store.standing(this.ref);
    this.course.begin(standing);
    this.orders.begin(standing);
  }

  private async deploy(): Promise<void> {
    const { organizationId, policy } = this.life;
    const share = new OwnShare(this.life, this.course, this.orders, this.act, {
      takeBack: () => this.takeBack(),
      leaves: (error) => this.leaveIfReplaced(error),
    });
    const definition = { kind: DeployWorkflow.operation, organizationId, policy, placement: 'local' } as const;
    await this.scope.run(() =>
      Saga.run({ ...definition, details: () => share.details.text }, async (saga) => {
        share.details.shownBy(saga);
        this.isUnderWay = true;
        try {
          await share.untilLive(saga);
          await share.untilOver(saga);
        } catch (error) {
          if (!isRunFailure(error) || !(await this.leavesAll(error))) throw error;
        }
      }),
    );
  }

  /** Whoever is stopped leaves everything as it is, and so does who was replaced. */
  private async leavesAll(error: TemporalFailure): Promise<boolean> {
    if (this.leaveIfReplaced(error)) return true;
    if (!this.orders.stopping || this.course.state === 'in_progress_cancel') return false;
    try {
      await this.course.note('stop');
    } catch (refusal) {
      if (!this.leaveIfReplaced(refusal)) throw refusal;
    }
    return true;
  }

  private async takeBack(): Promise<void> {
    if (this.isReplaced) return;
    try {
      await this.act.undo.takeBack(this.ref);
      this.isTakenBack = true;
    } catch (error) {
      if (!this.leaveIfReplaced(error)) throw error;
    }
  }

  /** Notes how it ended once everything is taken back that could be. */
  private async fail(cause: TemporalFailure): Promise<void> {
    const { course } = this;
    if (!course.isKnown || isTerminal(course.state)) return;
    const error = failureView(cause);
    try {
      if (course.state === 'in_progress_revert') await course.enter('failRevert', { error });
      else if (course.state === 'complete_pending_revert') await course.enter('fail', { error });
      else if (!this.isTakenBack) await course.enter('fail', { error: left });
      else if (course.state === 'in_progress_cancel') await course.enter('cancelled');
      else if (failures[error.code].retryable) await course.note('failForNow', { error });
      else await course.enter('fail', { error });
    } catch (refusal) {
      if (!this.leaveIfReplaced(refusal)) throw refusal;
    }
  }

  /** Whether another has taken its place, or its apply has decided otherwise, so that nothing is to be done any more. */
  private leaveIfReplaced(error: unknown): boolean {
    const data = error instanceof ActivityFailure ? failureData(error) : undefined;
    this.isReplaced ||= isRunFailure(error) && failureView(error).code === 'STATE_CONFLICT' && isOfStore(data);
    return this.isReplaced;
  }
}

/** Whether a conflict is one with the row of the operation; databases have conflicts of their own. */
function isOfStore(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'epoch' in data;
}
