import { ApplicationFailure, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import type { FailureCode } from '../../domain/failures';
import type { Resolution, SagaState, SagaView } from '../../domain/saga';
import type { Entry } from './entry';
import { resolveUpdate, type Resolve } from './messages';

/** What the wait for a person needs of the run it belongs to. */
export interface AttentionHost {
  enter(state: SagaState): Promise<void>;
  recordResolution(step: string, resolution: Resolution): Promise<void>;
  view(): SagaView;
}

const refusal: FailureCode = 'STATE_CONFLICT';

/** The wait for a person: who decided what about which stuck step, and for how long it has been waited. */
export class Attention {
  /** How bad the waiting is; set while something is stuck. */
  severity: 'warning' | 'critical' | undefined;
  private decisions: Resolve[] = [];

  constructor(
    private readonly deadlineMs: number,
    private readonly entries: readonly Entry[],
    private readonly host: AttentionHost,
  ) {
    // A handler runs in the root scope; a run that was cancelled must still take a person's decision.
    const accept = (resolve: Resolve): Promise<SagaView> =>
      CancellationScope.nonCancellable(() => this.accept(resolve));
    setHandler(resolveUpdate, accept, { validator: (resolve) => this.validate(resolve) });
  }

  /** Since when the oldest stuck step has been stuck. */
  get since(): Date | undefined {
    const times = this.entries.flatMap((entry) => (entry.state === 'stuck' ? [entry.stuckSince!] : []));
    return times.length > 0 ? new Date(times.sort()[0]!) : undefined;
  }

  /**
   * Waits until a person has decided something. Past the deadline the waiting becomes critical; it never ends by
   * itself.
   */
  async wait(): Promise<readonly Resolve[]> {
    const decided = (): boolean => this.decisions.length > 0;
    const remaining = this.deadlineMs - (Date.now() - this.since!.getTime());
    this.severity = remaining > 0 ? 'warning' : 'critical';
    await this.host.enter('needs_attention');
    if (this.severity === 'warning' && !(await condition(decided, Math.max(remaining, 1)))) {
      this.severity = 'critical';
      await this.host.enter('needs_attention');
    }
    await condition(decided);
    const decisions = this.decisions;
    this.decisions = [];
    if (!this.entries.some((entry) => entry.state === 'stuck')) this.severity = undefined;
    return decisions;
  }

  private validate(resolve: Resolve): void {
    const entry = this.entries.find((candidate) => candidate.name === resolve.step);
    if (entry?.state !== 'stuck') {
      const stuck = this.entries.filter((candidate) => candidate.state === 'stuck').map(({ name }) => name);
      const message = `«${resolve.step}» is ${entry?.state ?? 'not a step of this run'}, not stuck`;
      throw ApplicationFailure.nonRetryable(message, refusal, { stuck });
    }
    if (!['retry', 'skip'].includes(resolve.action) || !resolve.reason?.trim() || !resolve.by?.trim())
      throw ApplicationFailure.nonRetryable('say `action` (retry or skip), `reason` and `by`', 'INVALID_INPUT');
  }

  private async accept({ step, action, reason, by }: Resolve): Promise<SagaView> {
    const entry = this.entries.find((candidate) => candidate.name === step)!;
    const resolution: Resolution = { action, reason, by, at: new Date().toISOString() };
    entry.resolutions.push(resolution);
    // At once, so that a second decision on the same step is refused.
    entry.state = action === 'skip' ? 'skipped' : 'undoing';
    await this.host.recordResolution(step, resolution);
    this.decisions.push({ step, action, reason, by });
    return this.host.view();
  }
}
