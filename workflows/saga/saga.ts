import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { RecordActivities } from '../../activities/record';
import type { Placement } from '../../domain/gateway/contract';
import type { NewJournalEntry } from '../../domain/journal';
import type { FailureView, SagaState, SagaView } from '../../domain/saga';
import type { RunPolicy } from '../../domain/run-policy';
import { Attention } from './attention';
import { publishState } from './attributes';
import { inStep } from './context';
import { details } from './details';
import { Entry } from './entry';
import { failureView, finalFailure, isRunFailure } from './failure';
import { sagaQuery } from './messages';
import { recorder } from './record';
import type { Rollback, Step } from './undo';

/** What a run is, beside its steps. */
export interface SagaDefinition {
  readonly kind: string;
  readonly organizationId: string;
  readonly policy: RunPolicy;
  /** Placement of the run's own records. */
  readonly placement: Placement;
  /** What else is to be read in Temporal's Web UI beside the steps, in Markdown. */
  readonly details?: () => string;
}

/**
 * A run with compensation. Steps register how they are taken back before they act; when one fails, or the run is
 * cancelled, every registered undo runs in reverse order, and what cannot be taken back waits for a person.
 */
export class Saga {
  private state: SagaState = 'running';
  private cancelled = false;
  /** The steps that the journal knows to have begun; read when the run is cancelled. */
  private begun: readonly string[] | undefined;
  private error: FailureView | undefined;
  private readonly entries: Entry[] = [];
  private readonly attention: Attention;
  private readonly recorder: RecordActivities;

  private constructor(private readonly definition: SagaDefinition) {
    this.recorder = recorder(definition.placement);
    this.attention = new Attention(definition.policy.attentionDeadlineMs, this.entries, {
      enter: (state) => this.enter(state),
      recordResolution: (step, resolution) => this.record({ ...this.base(), type: 'step.resolved', step, resolution }),
      view: () => this.view(),
    });
    setHandler(sagaQuery, () => this.view());
    publishState('running');
    this.publish();
  }

  /**
   * Runs `body`; if it throws, takes back every step it registered, last first, and rethrows what it threw, with its
   * code.
   */
  static async run<T>(definition: SagaDefinition, body: (saga: Saga) => Promise<T>): Promise<T> {
    const saga = new Saga(definition);
    try {
      const result = await body(saga);
      await CancellationScope.nonCancellable(() => saga.enter('succeeded'));
      return result;
    } catch (cause) {
      if (!isRunFailure(cause)) throw cause;
      await CancellationScope.nonCancellable(() => saga.takeBack(cause));
      throw finalFailure(cause);
    } finally {
      // A person's decision that came in at the last moment gets its answer before the run closes.
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    }
  }

  /** Registers the undo, then acts: an action that timed out may still have happened. */
  async step<T>(name: string, step: Step<T>): Promise<T> {
    const forwardOnly = this.pivot() !== -1;
    const again = !forwardOnly && (await this.isDoneAgain(name));
    const entry = new Entry(name, step.undo);
    this.entries.push(entry);
    this.publish();
    const act = (): Promise<T> => inStep({ ...this.context, step: name, phase: 'do' }, step.do);
    if (forwardOnly || entry.undoKind === 'point_of_no_return')
      return await CancellationScope.nonCancellable(() => this.forward(entry, act));
    if (again) return await CancellationScope.nonCancellable(() => this.attempt(entry, act));
    return await this.attempt(entry, act);
  }

  /**
   * Whether a cancelled run has to do a step again. What local activities did in a workflow task that was lost with its
   * worker is in no history; the journal knows of it. Those steps are done once more, which changes nothing, so that
   * their undos are registered and the run is taken back from where it really was.
   * @throws CancelledFailure before a step that never began.
   */
  private async isDoneAgain(name: string): Promise<boolean> {
    if (!CancellationScope.current().consideredCancelled) return false;
    this.begun ??= await CancellationScope.nonCancellable(() => this.recorder.begun(workflowInfo().workflowId));
    if (this.begun.includes(name)) return true;
    throw new CancelledFailure(`the run was cancelled before ${name}`);
  }

  private async attempt<T>(entry: Entry, act: () => Promise<T>): Promise<T> {
    try {
      const value = await act();
      entry.outcome = { known: true, value };
      entry.state = 'done';
      return value;
    } catch (error) {
      entry.state = 'failed';
      entry.error = failureView(error);
      throw error;
    } finally {
      this.publish();
    }
  }

  /** Past the point of no return a step is repeated until it succeeds or a person lets it be. */
  private async forward<T>(entry: Entry, act: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.attempt(entry, act);
      } catch (error) {
        if (!isRunFailure(error)) throw error;
        this.stick(entry);
        const [decision] = await this.attention.wait();
        if (decision?.action === 'skip') throw error;
        await this.enter('running');
      }
    }
  }

  private async takeBack(cause: unknown): Promise<void> {
    this.error = failureView(cause);
    this.cancelled = this.error.code === 'CANCELLED';
    this.show('rolling_back'); // the journal learns of it from the first undo
    const kept = this.pivot();
    this.entries.slice(0, kept + 1).forEach((entry) => (entry.state = entry.state === 'skipped' ? 'skipped' : 'kept'));
    const reverse = this.entries.slice(kept + 1).reverse();
    for (const entry of reverse) await this.undo(entry);
    for (;;) {
      if (this.entries.some((entry) => entry.state === 'stuck')) {
        const decisions = await this.attention.wait();
        await this.enter('rolling_back');
        for (const { step, action } of decisions)
          if (action === 'retry') await this.undo(this.entries.find((entry) => entry.name === step)!);
        continue;
      }
      // An undo that ran while another was stuck may have held something back; now it need not.
      const again = reverse.filter(
        (entry) => entry.state === 'undone' && entry.leftBehindAtUndo !== this.leftBehind().join(),
      );
      if (again.length === 0) break;
      for (const entry of again) await this.undo(entry);
    }
    await this.enter(this.entries.some((entry) => entry.state === 'skipped') ? 'abandoned' : 'rolled_back');
  }

  private async undo(entry: Entry): Promise<void> {
    const { undo } = entry;
    if (entry.state === 'skipped' || entry.leftNothing) return;
    if (typeof undo !== 'function') {
      entry.state = 'kept';
      return;
    }
    entry.state = 'undoing';
    entry.leftBehindAtUndo = this.leftBehind().join();
    this.publish();
    try {
      await inStep({ ...this.context, step: entry.name, phase: 'undo' }, () =>
        undo(entry.outcome as never, this.rollback()),
      );
      entry.state = 'undone';
      entry.undoError = undefined;
      entry.stuckSince = undefined;
    } catch (error) {
      if (!isRunFailure(error)) throw error;
      entry.undoError = failureView(error);
      this.stick(entry);
      log.warn('an undo is stuck', { step: entry.name, code: entry.undoError.code });
    }
    this.publish();
  }

  private stick(entry: Entry): void {
    entry.state = 'stuck';
    entry.stuckSince ??= new Date().toISOString();
  }

  private rollback(): Rollback {
    const failedStep = this.entries.find((entry) => entry.error !== undefined)?.name;
    return { failedStep, error: this.error!, cancelled: this.cancelled, leftBehind: this.leftBehind() };
  }

  private leftBehind(): string[] {
    return this.entries.filter((entry) => entry.leftBehind).map((entry) => entry.name);
  }

  /** Index of the last point of no return that was begun; -1 while there is a way back. */
  private pivot(): number {
    return this.entries.findLastIndex((entry) => entry.undoKind === 'point_of_no_return');
  }

  private get context(): { kind: string; organizationId: string } {
    return { kind: this.definition.kind, organizationId: this.definition.organizationId };
  }

  private async enter(state: SagaState): Promise<void> {
    this.show(state);
    const stuck = this.entries
      .filter((entry) => entry.state === 'stuck')
      .map((entry) => ({ step: entry.name, error: (entry.undoError ?? entry.error)! }));
    const { severity } = this.attention;
    await this.record({
      ...this.base(),
      type: 'run.state',
      state,
      ...(this.error && { error: this.error }),
      ...(stuck.length > 0 && { stuck }),
      ...(severity && { severity }),
    });
  }

  private show(state: SagaState): void {
    this.state = state;
    publishState(state, this.attention.since, this.attention.severity);
    this.publish();
  }

  private async record(entry: NewJournalEntry): Promise<void> {
    await this.recorder.record([entry]);
  }

  private base(): { at: string; runId: string; kind: string; organizationId: string } {
    return { at: new Date().toISOString(), runId: workflowInfo().workflowId, ...this.context };
  }

  private view(): SagaView {
    const { since, severity } = this.attention;
    return {
      saga: this.definition.kind,
      state: this.state,
      steps: this.entries.map((entry) => entry.view()),
      cancelled: this.cancelled,
      ...(this.error && { error: this.error }),
      ...(since && { attentionSince: since.toISOString() }),
      ...(severity && { severity }),
    };
  }

  /** Shows the run as it is now in Temporal's Web UI. */
  publish(): void {
    const own = this.definition.details?.();
    const steps = details(workflowInfo().workflowId, this.view());
    setCurrentDetails(own ? `${own}\n\n${steps}` : steps);
  }
}
