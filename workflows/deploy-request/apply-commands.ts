import { ApplicationFailure, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { DeploySignal } from '../../domain/deploy/contract';
import { ApplyAction, refusalOf } from '../../domain/rollout/actions';
import { ApplySignal, type ApplyNow, type ApplyTold } from '../../domain/rollout/contract';
import { isSettled } from '../../domain/rollout/states';
import type { FailureView } from '../../domain/saga';
import type { Course } from './course';
import { applyQuery, applySignal, applyUpdate } from './messages';
import type { Rollout } from './rollout';
import { heard, inTheOpen, refused } from './refusals';

/** What is said to every deploy request and means its apply, where it has one. */
const meant: Readonly<Partial<Record<DeploySignal, ApplyAction>>> = {
  cancel: 'cancel',
  applyDeploy: 'apply-deploy',
  forceCutover: 'apply-deploy',
  revert: 'revert',
  skipRevert: 'skip-revert',
};

/** What people say to the apply of a request, each as a signal and as an update. */
export class ApplyCommands {
  constructor(
    private readonly course: Course,
    private readonly rollout: Rollout,
    /** Keeps in the journal that something was said to no effect. */
    private readonly ignore: (message: string, by: string, reason: FailureView) => Promise<void>,
  ) {
    setHandler(applyQuery, () => course.apply);
    for (const name of Object.values(ApplySignal)) {
      setHandler(applySignal(name), (told) => CancellationScope.nonCancellable(() => this.hear(name, told)));
      setHandler(applyUpdate(name), (told) => CancellationScope.nonCancellable(() => this.obey(name, told)), {
        validator: (told) => this.validate(name, told),
      });
    }
  }

  /** @throws ApplicationFailure with what is allowed now, where a request has an apply that something is said to. */
  judge(name: DeploySignal): void {
    const { apply } = this.course;
    if (apply && meant[name]) this.refuse(meant[name], apply);
  }

  private async hear(name: ApplySignal, told: ApplyTold): Promise<void> {
    const act = async (): Promise<unknown> => {
      this.validate(name, told);
      return await this.obey(name, told);
    };
    await heard(this.course, act, (reason) => this.ignore(name, told?.by ?? '', reason));
  }

  private validate(name: ApplySignal, told: ApplyTold): void {
    if (!told?.by?.trim()) throw ApplicationFailure.nonRetryable('say `by`', 'INVALID_INPUT');
    if (name === 'override' && (!told.environment?.trim() || !told.reason?.trim()))
      throw ApplicationFailure.nonRetryable('say `environment` and `reason`', 'INVALID_INPUT');
    if (!this.course.isKnown) return;
    const { apply, state } = this.course;
    if (!apply) throw refused(`cannot ${name}: deploy request is in state "${state}"`, { state, allowed: [] });
    this.refuse(ApplyAction[name], apply);
  }

  /** What was heard of it may be a moment behind its rows, which judge in the end; what has settled stays so. */
  private refuse(action: ApplyAction, apply: ApplyNow): void {
    const refusal = refusalOf(action, apply);
    if (refusal && isSettled(apply.state))
      throw ApplicationFailure.nonRetryable(refusal.message, refusal.code, refusal.data);
  }

  private async obey(name: ApplySignal, told: ApplyTold): Promise<ApplyNow> {
    if (!this.course.isKnown) {
      await condition(() => this.course.isKnown);
      this.validate(name, told);
    }
    try {
      await this.rollout.tell(ApplyAction[name], told);
    } catch (error) {
      throw inTheOpen(error);
    }
    await this.rollout.seen();
    return this.course.apply!;
  }
}
