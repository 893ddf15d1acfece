import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { isFailureCode } from '../../domain/failures';
import type { AttemptRef, NewJournalEntry, Outcome } from '../../domain/journal';
import type { FailureView } from '../../domain/saga';
import type { Journal } from '../../prisma/store';
import { readStepHeader } from './step-header';

/** How often, and at which intervals in ms, the end of an attempt is tried to be written before the attempt is given up. */
const endingRetries = [50, 200, 800, 2_000];

/**
 * Writes an entry when an attempt of a step starts and one when it ends. A step that cannot be journalled is not run:
 * what nobody could see afterwards must not happen.
 *
 * The end of a regular activity is stored before Temporal learns of it. That of a local one is queued before whatever
 * this worker journals next: a worker that dies in those milliseconds leaves an attempt of unknown outcome, as if it had
 * died a moment sooner.
 */
export class JournalInterceptor implements ActivityInboundCallsInterceptor {
  constructor(
    private readonly journal: Journal,
    /** Identity of this worker, under which it is known to be alive. */
    private readonly worker: string,
  ) {}

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const header = readStepHeader(input.headers);
    if (!header) return next(input);
    const info = activityInfo();
    const attempt: AttemptRef & { runId: string; organizationId: string; kind: string } = {
      ...header,
      runId: info.workflowExecution!.workflowId,
      activity: info.activityType,
      activityId: info.activityId,
      attempt: info.attempt,
      worker: this.worker,
    };
    await this.append({ ...attempt, type: 'attempt.started', at: new Date().toISOString() });
    const end = async (outcome: Outcome, error?: FailureView): Promise<void> => {
      const at = new Date().toISOString();
      const entry: NewJournalEntry = { ...attempt, type: 'attempt.ended', at, outcome, ...(error && { error }) };
      if (info.isLocal) this.journal.note(entry);
      else await this.end(entry);
    };
    try {
      const value = await next(input);
      await end('succeeded');
      return value;
    } catch (error) {
      if (!isJournalFailure(error)) await end(error instanceof CancelledFailure ? 'cancelled' : 'failed', view(error));
      throw error;
    }
  }

  private async end(entry: NewJournalEntry): Promise<void> {
    for (const delay of endingRetries) {
      try {
        return await this.append(entry);
      } catch {
        await sleep(delay);
      }
    }
    await this.append(entry);
  }

  private async append(entry: NewJournalEntry): Promise<void> {
    try {
      await this.journal.append(entry);
    } catch (error) {
      throw ApplicationFailure.create({
        type: 'JOURNAL_UNAVAILABLE',
        message: `the step was not run, or its end not kept: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }
}

function isJournalFailure(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === 'JOURNAL_UNAVAILABLE';
}

function view(error: unknown): FailureView | undefined {
  if (error instanceof CancelledFailure) return undefined;
  const type = error instanceof ApplicationFailure ? error.type : undefined;
  return {
    code: isFailureCode(type) ? type : 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
  };
}
