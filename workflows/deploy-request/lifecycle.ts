import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  setCurrentDetails,
  type TemporalFailure,
} from '@temporalio/workflow';
import { DeployWorkflow, type DeployLife, type RequestRef } from '../../domain/deploy/contract';
import { holdsPlace, isTerminal, type DeploymentState } from '../../domain/deploy/states';
import type { FailureView } from '../../domain/saga';
import { inStep } from '../saga/context';
import { failureView, isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import { deployActivities, type DeployProxies } from './activities';
import { Commands } from './commands';
import { Course } from './course';
import { Deploy } from './deploy';
import { ticketOf } from './place';
import { refOf } from './ref';
import { Rollout } from './rollout';

/**
 * A deploy request's life: it is checked, waits to be deployed, is deployed when nobody is before it, can be reverted for
 * a while, and ends. The stored state says where it stands, so that a workflow that was lost can be begun again.
 */
export async function deployRequest(life: DeployLife): Promise<void> {
  const request = new RequestLife(life);
  const cancelled = CancellationScope.current().cancelRequested;
  await CancellationScope.nonCancellable(async () => {
    void cancelled.catch(() => request.cancelledByEngine());
    await request.live();
  });
}

/** The states in which it waits to be deployed, closed, or checked again. */
const waits: readonly DeploymentState[] = ['ready', 'no_changes', 'error'];

/** Why a request that was cancelled still keeps its place. */
const left: FailureView = { code: 'CANCELLED', message: 'it was taken back, but something of it was left behind' };

class RequestLife {
  private readonly ref: RequestRef;
  private readonly act: DeployProxies;
  private readonly course: Course;
  private readonly rollout: Rollout;
  private readonly commands: Commands;
  private readonly scope = new CancellationScope();
  private failed: TemporalFailure | undefined;
  private dropped = false;

  constructor(private readonly life: DeployLife) {
    const { policy, deploy } = life;
    this.ref = refOf(life);
    this.act = deployActivities(policy, deploy);
    this.course = new Course(this.ref, this.act);
    this.rollout = new Rollout(life, this.course, this.act);
    this.commands = new Commands(life, this.course, this.rollout, this.act, () => this.scope.cancel());
  }

  /** A request that was deployed is cancelled where that can be done; of any other only the workflow ends. */
  async cancelledByEngine(): Promise<void> {
    await condition(() => this.course.isKnown);
    if (this.course.deployed) await this.commands.cancelledByEngine();
    else this.dropped = true;
  }

  async live(): Promise<void> {
    this.course.begin(await this.act.store.standing(this.ref));
    while (!this.isOver) {
      if (this.course.state === 'pending') await this.check();
      else if (waits.includes(this.course.state)) await this.untilDeployed();
      else if (!isTerminal(this.course.state)) await this.deploy();
      else await this.untilCompleted();
      if (isLong(this.life.policy) && !this.isOver) await this.goOnAsNew();
    }
    if (this.course.deployed && !this.course.left) await this.act.queue.leave(ticketOf(this.life));
    await condition(allHandlersFinished);
    if (this.failed) throw this.failed;
  }

  private get isOver(): boolean {
    const { state, deployed, closed } = this.course;
    return this.dropped || closed || (deployed && isTerminal(state) && !holdsPlace(state));
  }

  private async goOnAsNew(): Promise<void> {
    await condition(allHandlersFinished);
    await this.course.settled();
    await continueAsNew<typeof deployRequest>(this.life);
  }

  private async check(): Promise<void> {
    this.commands.recheck = false;
    const { result, error } = await this.act.check.check({ ...this.ref, again: false }).catch((failure: unknown) => {
      if (!isRunFailure(failure)) throw failure;
      return { result: 'error', error: failureView(failure) } as const;
    });
    const move = ({ changes: 'pass', none: 'passEmpty', error: 'refuse' } as const)[result];
    await this.course.enter(move, { error });
    // Before it is deployed there is no run whose steps could be shown.
    setCurrentDetails(await this.act.quick.describe(this.ref).catch(() => ''));
  }

  /** Waits until somebody deploys or closes it, or a schema has changed. */
  private async untilDeployed(): Promise<void> {
    const { course, commands } = this;
    await condition(() => this.isOver || commands.recheck || !waits.includes(course.state) || isLong(this.life.policy));
    if (!waits.includes(course.state) || this.isOver || !commands.recheck) return;
    commands.recheck = false;
    if (!course.deployed) await course.enter('check');
  }

  private async deploy(): Promise<void> {
    const deploy = new Deploy(this.life, this.course, this.commands, this.rollout, this.act);
    try {
      await this.scope.run(() => deploy.run());
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      this.failed = error;
      if (isTerminal(this.course.state)) return;
      if (this.course.state === 'in_progress_cancel' && !deploy.leftBehind) await this.course.enter('cancelled');
      // A person gave up taking it back: what is left of it is in the way of the next.
      else await this.course.enter('fail', { error: deploy.leftBehind ? left : failureView(error) });
    }
  }

  /** Keeps the place until a person has looked at what failed. */
  private async untilCompleted(): Promise<void> {
    const { commands, course } = this;
    await condition(() => commands.completing !== null || isLong(this.life.policy));
    const by = commands.completing;
    if (by === null) return;
    commands.completing = null;
    try {
      const context = { kind: DeployWorkflow.request, organizationId: this.ref.organizationId, phase: 'do' } as const;
      const move = await inStep({ ...context, step: 'complete-deploy' }, () => this.complete());
      await course.enter(move, { by });
      commands.completed = { error: null };
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      commands.completed = { error: failureView(error) };
    }
  }

  private async complete(): Promise<'completeDeploy' | 'unblock'> {
    const remains = await this.act.undo.remains(this.ref);
    if (remains === 'new' || remains === 'old') await this.act.undo.finish(this.ref);
    // What is left of several deployments is taken back one by one.
    if (remains === 'unapplied')
      await (this.course.apply ? this.act.undo.finish(this.ref) : this.act.undo.takeBack(this.ref));
    const isLive = remains === 'new' || this.course.state === 'complete_revert_error';
    return isLive || (this.wasLive && !this.course.apply) ? 'completeDeploy' : 'unblock';
  }

  /** Whether it failed after it was live. */
  private get wasLive(): boolean {
    return this.course.revertWindowEndsAt !== null;
  }
}
