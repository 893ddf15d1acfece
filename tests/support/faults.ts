import { cancelled } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import type { Phase } from '../../domain/journal';
import { readStepHeader } from '../../worker/interceptors/step-header';

/**
 * Where and how a step goes wrong.
 * - `before`: fails for good before its effect; `after`: has its effect, then the answer is lost for good;
 * - `timeout`: has its effect and never answers; `weather`: fails `times` times in a way that is tried again;
 * - `twice`: its effect happens twice, one after the other;
 * - `during`: `hook` runs before the effect, as a cancel, a kill or a stop does; `onEffect`: after it.
 */
export interface Fault {
  readonly step: string;
  readonly phase: Phase;
  readonly how: 'before' | 'after' | 'timeout' | 'weather' | 'twice' | 'during' | 'onEffect';
  /** How many calls are hit; every one unless told. */
  readonly times?: number;
  readonly hook?: () => Promise<void>;
}

/** The message of every injected failure. */
export const injected = 'injected by the test';

/** Makes steps go wrong where a test says so, and knows whether they did. */
export class Faults implements ActivityInboundCallsInterceptor {
  private readonly armed: { fault: Fault; left: number; fired: number }[] = [];

  /** Forgets earlier faults and lies in wait for these. */
  arm(...faults: Fault[]): void {
    this.armed.length = 0;
    this.armed.push(...faults.map((fault) => ({ fault, left: fault.times ?? Infinity, fired: 0 })));
  }

  /** How often the faults hit, in the order in which they were armed. */
  get fired(): number[] {
    return this.armed.map(({ fired }) => fired);
  }

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const header = readStepHeader(input.headers);
    const hit = this.armed.find(
      ({ fault, left }) => left > 0 && fault.step === header?.step && fault.phase === header.phase,
    );
    if (!hit) return await next(input);
    hit.left -= 1;
    hit.fired += 1;
    const { how, hook } = hit.fault;
    if (how === 'before') throw ApplicationFailure.nonRetryable(injected, 'EDGE_CONFIG_REFUSED');
    if (how === 'weather') throw ApplicationFailure.retryable(injected, 'EDGE_CONFIG_REFUSED');
    if (how === 'during') await hook!();
    if (how === 'twice') await next(input);
    const value = await next(input);
    if (how === 'after') throw ApplicationFailure.nonRetryable(injected, 'EDGE_CONFIG_REFUSED');
    if (how === 'timeout')
      await Promise.race([cancelled(), new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
    if (how === 'onEffect') await hook!();
    return value;
  }
}
