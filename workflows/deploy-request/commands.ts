import { ApplicationFailure, CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import { DeployAction, refusalOf } from '../../domain/deploy/actions';
import type { ApplyAction } from '../../domain/rollout/actions';
import { DeploySignal, DeployWorkflow } from '../../domain/deploy/contract';
import type { DeployLife, DeploymentNow, RequestRef, Told } from '../../domain/deploy/contract';
import { throttleRatio } from '../../domain/deploy/throttle';
import type { FailureView } from '../../domain/saga';
import { recorder } from '../saga/record';
import type { DeployProxies } from './activities';
import { ApplyCommands } from './apply-commands';
import type { Course } from './course';
import { checkSignal, deploymentQuery, placeSignal, toldSignal, toldUpdate } from './messages';
import { refOf } from './ref';
import { heard, inTheOpen, inWords, refused } from './refusals';
import type { Rollout } from './rollout';
import type { Said } from './window';

/** Milliseconds that whoever skips the revert is kept waiting for its end, which may take longer for large tables. */
const SKIP_WAIT_MS = 5_000;

/** What people say to a request, each as a signal and as an update. */
export class Commands implements Said {
  /** Whether somebody said that a schema has changed. */
  recheck = false;
  /** Whether nobody wants the revert window any more. */
  skipped = false;
  /** Whether what a revert would lose was given up. */
  acceptLosses = false;
  /** How many are asking what a revert would lose: the window stays open for them. */
  deciding = 0;
  /** Whether the window is over, so that there is nothing to revert to any more. */
  windowOver = false;
  /** Who wants what is left of a failed request to be finished. */
  completing: string | null = null;
  /** Why that failed; null when it did not. */
  completed: { readonly error: FailureView | null } | null = null;
  private readonly ref: RequestRef;
  private readonly ofApply: ApplyCommands;

  constructor(
    life: DeployLife,
    private readonly course: Course,
    private readonly rollout: Rollout,
    private readonly act: DeployProxies,
    /** Ends what is done for the request. */
    private readonly stop: () => void,
  ) {
    this.ref = refOf(life);
    this.ofApply = new ApplyCommands(course, rollout, (message, by, reason) => this.ignore(message, by, reason));
    setHandler(deploymentQuery, () => course.now);
    setHandler(placeSignal, ({ preceding }) => void (course.preceding = preceding));
    setHandler(checkSignal, () => void (this.recheck = true));
    for (const name of Object.values(DeploySignal)) {
      setHandler(toldSignal(name), (told) => this.uncancelled(() => this.hear(name, told)));
      setHandler(toldUpdate(name), (told) => this.uncancelled(() => this.obey(name, told)), {
        validator: (told) => this.validate(name, told),
      });
    }
  }

  /** Whoever ends the workflow in Temporal cancels the request, where that can be done. */
  async cancelledByEngine(): Promise<void> {
    await this.hear('cancel', { by: 'temporal' });
  }

  private uncancelled<T>(action: () => Promise<T>): Promise<T> {
    return CancellationScope.nonCancellable(action);
  }

  private async hear(name: DeploySignal, told: Told): Promise<void> {
    const act = async (): Promise<unknown> => {
      this.validate(name, told);
      return await this.obey(name, told);
    };
    await heard(this.course, act, (reason) => this.ignore(name, told.by, reason));
  }

  /** Keeps in the journal that something was said to no effect. */
  private async ignore(message: string, by: string, reason: FailureView): Promise<void> {
    const { organizationId } = this.ref;
    const at = new Date().toISOString();
    const base = { at, runId: workflowInfo().workflowId, organizationId, kind: DeployWorkflow.request };
    await recorder('local').record([{ ...base, type: 'message.ignored', message, by, reason }]);
  }

  /** @throws ApplicationFailure with what is allowed now. */
  private validate(name: DeploySignal, told: Told): void {
    if (!told?.by?.trim()) throw ApplicationFailure.nonRetryable('say `by`', 'INVALID_INPUT');
    if (name === 'setThrottle') inWords(() => throttleRatio(told.ratio ?? NaN));
    // Before the store was asked nobody knows; the update is judged then.
    if (!this.course.isKnown) return;
    if (this.course.apply && name in this.ofSeveral) return this.ofApply.judge(name);
    if (this.windowOver && (name === 'revert' || name === 'skipRevert'))
      throw refused('cannot revert: the time for it is over', { state: this.course.state });
    const refusal = refusalOf(DeployAction[name], this.course.actable);
    if (refusal) throw ApplicationFailure.nonRetryable(refusal.message, refusal.code, refusal.data);
  }

  private async obey(name: DeploySignal, told: Told): Promise<DeploymentNow> {
    if (!this.course.isKnown) {
      await condition(() => this.course.isKnown);
      this.validate(name, told);
    }
    const ofSeveral = this.course.apply ? this.ofSeveral[name] : undefined;
    await (ofSeveral ? ofSeveral(told) : this[name](told));
    await this.course.settled();
    return this.course.now;
  }

  /** What is said where it goes over several deployments. */
  private readonly ofSeveral: Readonly<Partial<Record<DeploySignal, (told: Told) => Promise<void>>>> = {
    cancel: async ({ by }) => await this.tellApply('cancel', { by }),
    applyDeploy: async ({ by }) => await this.tellApply('apply-deploy', { by }),
    forceCutover: async ({ by }) => {
      await this.act.store.set({ ...this.ref, forced: true });
      await this.tellApply('apply-deploy', { by });
    },
    revert: async ({ by, acceptLosses = false }) => {
      if (!acceptLosses) await this.refuseLosses();
      await this.tellApply('revert', { by, acceptLosses });
    },
    skipRevert: async ({ by }) => {
      await this.tellApply('skip-revert', { by });
      await condition(() => this.course.state !== 'complete_pending_revert', SKIP_WAIT_MS);
    },
    setAutoApply: async (told) => {
      await this.setAutoApply(told);
      await this.rollout.seen();
    },
  };

  /** Says something to the apply, and waits until what the request says follows from it. */
  private async tellApply(action: ApplyAction, told: Pick<Told, 'by' | 'acceptLosses'>): Promise<void> {
    try {
      await this.rollout.tell(action, told);
    } catch (error) {
      throw inTheOpen(error);
    }
    await this.rollout.seen();
  }

  private async refuseLosses(): Promise<void> {
    try {
      await this.act.losses.refuseLosses(this.ref);
    } catch (error) {
      throw inTheOpen(error);
    }
  }

  private async deploy({ instant = false }: Told): Promise<void> {
    this.course.deployed = true;
    try {
      await this.act.store.accept({ ...this.ref, instant });
    } catch (error) {
      this.course.deployed = false;
      throw inTheOpen(error);
    }
    this.course.instant = instant;
    await this.course.enter('deploy');
  }

  private async close({ by }: Told): Promise<void> {
    await this.act.store.closeRequest({ ...this.ref, by }).catch((error: unknown) => {
      throw inTheOpen(error);
    });
    this.course.closed = true;
  }

  private async cancel({ by }: Told): Promise<void> {
    const written = this.course.enter('cancel', { by });
    this.stop();
    await written;
  }

  private async applyDeploy({ by }: Told): Promise<void> {
    await this.course.enter('cutOver', { by, error: null });
  }

  private async forceCutover({ by }: Told): Promise<void> {
    await this.act.store.set({ ...this.ref, forced: true });
    if (this.course.state === 'pending_cutover') await this.course.enter('cutOver', { by, error: null });
  }

  private async revert(told: Told): Promise<void> {
    const { by, acceptLosses = false } = told;
    this.deciding++;
    try {
      if (!acceptLosses) await this.act.losses.refuseLosses(this.ref);
      // Somebody else may have been quicker.
      this.validate('revert', told);
      this.acceptLosses = acceptLosses;
      await this.course.enter('revert', { by, error: null });
    } catch (error) {
      throw inTheOpen(error);
    } finally {
      this.deciding--;
    }
  }

  private async skipRevert(): Promise<void> {
    this.skipped = true;
    await condition(() => this.course.state !== 'complete_pending_revert', SKIP_WAIT_MS);
  }

  private async completeDeploy({ by }: Told): Promise<void> {
    this.completed = null;
    this.completing = by;
    await condition(() => this.completed !== null);
    const { error } = this.completed!;
    if (error) throw ApplicationFailure.nonRetryable(error.message, error.code);
  }

  private async setThrottle({ ratio }: Told): Promise<void> {
    await this.act.store.set({ ...this.ref, throttle: ratio! });
  }

  private async setAutoApply({ enable = true }: Told): Promise<void> {
    this.course.autoCutover = enable;
    await this.act.store.set({ ...this.ref, autoCutover: enable });
  }
}
