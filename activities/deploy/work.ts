import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { RequestRef } from '../../domain/deploy/contract';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure, isFailure } from '../../domain/failures';
import type { Progress, Work } from '../../drivers/database/engine';
import { pause } from '../../drivers/database/pause';
import type { OperationReport } from '../../prisma/deploy-store';
import { untilNextLook } from './looks';
import { noteOperation, planKey } from './operation';
import type { DeployPorts } from './ports';
import { requestOf } from './subject';

/** Milliseconds between two reports. */
const REPORT_MS = 1_000;

/** Attempts after which what nobody expected is taken for something that does not pass. */
const UNEXPECTED_ATTEMPTS = 20;

/** A longer piece of work on a request, and whoever watches over it. */
export interface Watched extends Work {
  /** The request as it was a moment ago. */
  readonly latest: () => DeployRequest;
  /** Ends the work. */
  readonly stop: () => void;
}

/**
 * Does a longer piece of work: what people set meanwhile is heard of, and how far it is is written down. It is told to
 * stop when the activity is cancelled, and when `isOver` says so of the request.
 */
export async function watched<T>(
  ports: DeployPorts,
  ref: RequestRef,
  work: (watched: Watched) => Promise<T>,
  isOver: (request: DeployRequest) => boolean = () => false,
): Promise<T> {
  const over = new AbortController();
  const done = new AbortController();
  let request = await requestOf(ports, ref);
  const overtaken: { by?: Failure } = {};
  if (isOver(request)) over.abort();
  const signal = AbortSignal.any([cancellationSignal(), over.signal]);
  const reporter = new Reporter(ports, ref);
  const nextLook = async (): Promise<void> => await untilNextLook(ports, ref, request, done.signal);
  const looking = repeatedly(nextLook, done.signal, async () => {
    try {
      request = await requestOf(ports, ref);
      if (isOver(request)) over.abort();
    } catch (error) {
      if (!isFailure(error) || error.code !== 'STATE_CONFLICT') throw error;
      overtaken.by = error;
      over.abort();
    }
  });
  const nextReport = async (): Promise<void> => await pause(REPORT_MS, done.signal);
  const reporting = repeatedly(nextReport, done.signal, async () => await reporter.flush());
  try {
    const result = await expected(
      async () =>
        await work({
          signal,
          throttle: () => request.deployment.throttle,
          onProgress: (progress) => (reporter.progress = progress),
          latest: () => request,
          stop: () => over.abort(),
        }),
    );
    if (overtaken.by) throw overtaken.by;
    return result;
  } catch (error) {
    if (overtaken.by) throw overtaken.by;
    throw error;
  } finally {
    done.abort();
    await Promise.all([looking, reporting]);
    await reporter.flush().catch(() => undefined);
  }
}

/** Does something every so often until it is told to stop. That the store is away for a while is no matter. */
async function repeatedly(rest: () => Promise<void>, signal: AbortSignal, action: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await rest();
    if (!signal.aborted) await action().catch(() => undefined);
  }
}

/** Writes down how far the tables of a request are. */
class Reporter {
  progress: Progress | undefined;
  private written = '';

  constructor(
    private readonly ports: DeployPorts,
    private readonly ref: RequestRef,
  ) {}

  async flush(): Promise<void> {
    if (this.progress === undefined) return;
    const reports = reportsOf(this.progress);
    const text = JSON.stringify(reports);
    if (text === this.written) return;
    await this.ports.deploys.requests.report(this.ref.organizationId, planKey(this.ref), reports);
    // Whatever was in the way of it before, is so no more.
    if (this.written === '' && activityInfo().attempt > 1) await noteOperation(this.ports, this.ref, { waits: null });
    this.written = text;
  }
}

function reportsOf({ tables }: Progress): Readonly<Record<string, OperationReport>> {
  return Object.fromEntries(
    tables.map(({ table, percent, rowsCopied, rowsPerSecond, etaSeconds, throttledBy, failed }) => {
      const [first] = failed;
      const error = first
        ? `${failed.length} rows do not fit, as ${JSON.stringify(first.key)}: ${first.message} (${first.code})`
        : null;
      const throttledAt = throttledBy === null ? null : new Date();
      return [table, { percent, rowsCopied, rowsPerSecond, etaSeconds, throttledBy, throttledAt, error }];
    }),
  );
}

/**
 * Turns what a database does into failures of the closed set. A session that was lost is weather; what nobody expected is
 * tried again for a while, since most of that is weather, too.
 */
export async function expected<T>(action: () => Promise<T>): Promise<T> {
  try {
    const result = await action();
    // What was told to stop may not have come to its end: it is done again, which does the rest, or nothing.
    cancellationSignal().throwIfAborted();
    return result;
  } catch (error) {
    if (isFailure(error) || (error as Error).name === 'AbortError') throw error;
    const { message, fatal } = error as Error & { fatal?: boolean };
    if (cancellationSignal().aborted) throw Object.assign(new Error('cancelled'), { name: 'AbortError' });
    if (fatal === true)
      throw new Failure('DATABASE_UNREACHABLE', `the database went away: ${message}`, { cause: error });
    const retryable = activityInfo().attempt < UNEXPECTED_ATTEMPTS;
    throw new Failure('INTERNAL', message, { retryable, cause: error });
  }
}
