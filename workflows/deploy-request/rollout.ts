import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { RolledOn, ToldOperation } from '../../activities/deploy/activities';
import type { DeployLife, RequestRef } from '../../domain/deploy/contract';
import type { DeploymentMoveName } from '../../domain/deploy/states';
import type { ApplyAction } from '../../domain/rollout/actions';
import { Wanted } from '../../domain/rollout/apply';
import { operationRunId, type ApplyNow, type ApplyTold, type OperationRef } from '../../domain/rollout/contract';
import { failureView, isRunFailure } from '../saga/failure';
import { isLong } from '../saga/history';
import type { DeployProxies } from './activities';
import { beginOperation } from './begin-operation';
import type { Course } from './course';
import { lookSignal, wantedSignal } from './messages';
import { refOf } from './ref';

/** Milliseconds between two looks whether the workflows of operations are still there. */
const ROLL_CALL_MS = 60_000;

/** Milliseconds after which those who should have found by themselves what they are told, are told it. */
const FOUND_MS = 5_000;

/** What an operation finds in its row, which is looked at all the time while it can do it. */
const found: readonly Wanted[] = [Wanted.cutOver, Wanted.skipRevert, Wanted.revert];

/** Milliseconds that are between two such looks at least, whatever makes them seem needed. */
const ROLL_CALL_REST_MS = 1_000;

/**
 * The deploy of a request over several deployments. What comes next is decided in the store, from the rows of all of
 * them; here it is carried out, and looked again whenever something has moved. Nothing of it is kept here: one that is
 * begun again, or goes on with a new history, finds everything there.
 */
export class Rollout {
  private readonly ref: RequestRef;
  /** What was started and told, so that it is not named again. */
  private readonly known = new Set<string>();
  /** What is to be found by those who are told, and since when, in milliseconds. */
  private readonly toBeFound = new Map<string, number>();
  /** Whether something has moved since it was looked. */
  private moved = true;
  /** Whether somebody who should be there may be gone. */
  private inDoubt = false;
  private begun = 0;
  private done = 0;
  private isOver = false;
  /** Called when it is known where the apply stands. */
  onLooked: () => void = () => undefined;
  /** Whether it is looked at what comes next. */
  private isRolling = false;
  /** Who caused what the request is to say. */
  private readonly actors: Partial<Record<DeploymentMoveName, string>> = {};

  constructor(
    private readonly life: DeployLife,
    private readonly course: Course,
    private readonly act: DeployProxies,
  ) {
    this.ref = refOf(life);
    setHandler(lookSignal, () => this.look());
  }

  /** Has it looked again what comes next. */
  look(): void {
    this.moved = true;
  }

  /**
   * Goes on until nothing is left to do.
   * @throws CancelledFailure, ApplicationFailure with what the apply says, when it has not become live everywhere.
   */
  async run(): Promise<void> {
    const { course } = this;
    // Whoever was there before may be gone with the workflow that was.
    this.inDoubt = course.apply !== null;
    if (course.state === 'in_progress_cancel') await this.cancel();
    const { state, error } = await this.untilSettled();
    if (course.state === 'complete_cancel') throw new CancelledFailure('the request was cancelled');
    if (state !== 'complete_error' && course.state !== 'complete_error') return;
    throw ApplicationFailure.nonRetryable(error?.message ?? 'it has failed', error?.code ?? 'INTERNAL');
  }

  /** Takes back whatever is not live, and waits for the rest to end. */
  async takeBack(): Promise<void> {
    if (!this.isOver && (await this.cancel())) await this.untilSettled();
  }

  /** Says something to the apply; what follows from it is seen with {@link seen}. @throws what forbids it */
  async tell(action: ApplyAction, told: ApplyTold & { readonly acceptLosses?: boolean }): Promise<ApplyNow> {
    const now = await this.act.quick.tellApply({ ...this.ref, ...told, action });
    const { by } = told;
    if (action === 'cancel') this.actors.cancel = by;
    if (action === 'revert') this.actors.revert = this.actors.revertPart = by;
    if (action === 'apply-deploy') this.actors.cutOver = by;
    this.course.apply = now;
    this.look();
    return now;
  }

  /** When what was said has been looked at. */
  async seen(): Promise<void> {
    const next = this.begun + 1;
    this.look();
    await condition(() => !this.isRolling || this.done >= next);
  }

  /** Cancels what can be cancelled. @returns whether there is anything at all */
  private async cancel(): Promise<boolean> {
    try {
      const by = this.actors.cancel ?? 'gatewright';
      this.course.apply = await this.act.store.tellApply({ ...this.ref, by, action: 'cancel' });
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      const { code } = failureView(error);
      if (code === 'NOT_FOUND') return false;
      // What cannot be cancelled any more, or was before, comes to its end.
      if (code !== 'STATE_CONFLICT') throw error;
    }
    return true;
  }

  private async untilSettled(): Promise<RolledOn> {
    const scope = new CancellationScope();
    scope
      .run(() => Promise.all([this.callRolls(), this.remind()]))
      .catch((error: unknown) => {
        if (!isRunFailure(error)) throw error;
      });
    this.isRolling = true;
    try {
      for (;;) {
        this.moved = false;
        const round = ++this.begun;
        await this.course.settled();
        const { state } = this.course;
        const next = await this.act.store.rollOn({ ...this.ref, known: [...this.known] });
        if (this.course.state === state) this.course.resume(next.stored);
        await this.carryOut(next);
        this.done = round;
        this.isOver = next.settled;
        if (next.settled) {
          await this.act.store.settleApply(this.ref);
          return next;
        }
        if (isLong(this.life.policy)) await this.goOnAsNew();
        await this.untilMoved(next.wakeInMs);
      }
    } finally {
      this.isRolling = false;
      scope.cancel();
    }
  }

  private async carryOut({ state, apply, start, tell, error, revertWindowEndsAt }: RolledOn): Promise<void> {
    const { course, actors } = this;
    course.apply = apply;
    this.onLooked();
    await Promise.all([
      ...start.map((operation) => this.start(operation)),
      ...tell.map((operation) => this.pass(operation)),
    ]);
    const by = (name: DeploymentMoveName): { by: string } | undefined =>
      actors[name] === undefined ? undefined : { by: actors[name] };
    await course.follow(state, {
      ...{ cancel: by('cancel'), cutOver: by('cutOver') },
      revert: { ...by('revert'), error: null },
      revertPart: { ...by('revertPart'), error: null },
      open: { error: null, ...(revertWindowEndsAt !== null && { revertWindowEndsAt }) },
      ...{ finish: { error: null }, reverted: { error: null }, failRevert: { error }, fail: { error } },
    });
  }

  private async start({ key, id, epoch }: OperationRef & { readonly key: string }): Promise<void> {
    await beginOperation({ ...this.life, operation: { id, epoch } }, this.course.identity);
    this.known.add(key);
  }

  /** Passes on what is wanted of an operation, unless it finds that by itself. That nobody hears it is found out at once. */
  private async pass({ key, id, epoch, wanted, by, acceptLosses }: ToldOperation): Promise<void> {
    this.known.add(key);
    if (found.includes(wanted) && !this.toBeFound.has(key)) return void this.toBeFound.set(key, Date.now());
    const operation = { id, epoch };
    await getExternalWorkflowHandle(operationRunId({ operation }))
      .signal(wantedSignal, { wanted, by, acceptLosses })
      .catch((error: unknown) => {
        if (!isRunFailure(error)) throw error;
        this.inDoubt = true;
      });
  }

  private async untilMoved(ms: number | null): Promise<void> {
    const happened = (): boolean => this.moved || isLong(this.life.policy);
    if (ms === null) await condition(happened);
    else await condition(happened, Math.max(ms, 1));
  }

  /** Finds those whose workflow is gone, every so often and when in doubt. */
  private async callRolls(): Promise<void> {
    for (;;) {
      await condition(() => this.inDoubt, ROLL_CALL_MS);
      this.inDoubt = false;
      await this.act.long.rollCall(this.ref);
      this.known.clear();
      this.look();
      await sleep(ROLL_CALL_REST_MS);
    }
  }

  /** Tells those who have not found what they are told. */
  private async remind(): Promise<void> {
    for (;;) {
      await condition(() => this.toBeFound.size > 0);
      await sleep(FOUND_MS);
      const late = [...this.toBeFound].filter(([, since]) => Date.now() - since >= FOUND_MS);
      if (late.length === 0) continue;
      for (const [key] of late) this.known.delete(key);
      const next = this.begun + 1;
      this.look();
      await condition(() => this.done >= next);
      for (const [key] of late) this.toBeFound.delete(key);
    }
  }

  /** Nothing is carried along; whoever waits for something that was said is answered first. */
  private async goOnAsNew(): Promise<void> {
    await condition(() => this.moved || allHandlersFinished());
    await this.course.settled();
    if (allHandlersFinished()) await continueAsNew(this.life);
  }
}
