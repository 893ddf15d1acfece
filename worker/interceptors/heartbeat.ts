import { Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';

/** How many times a worker says that it lives, in the time of silence after which the server takes it for dead. */
const PULSES = 3;

/**
 * Says that the worker is alive while an activity runs, so that a dead one is noticed in seconds, and hears of
 * cancellation that way. How long an attempt may take is bounded by its own deadline.
 */
export class Heartbeat implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const context = Context.current();
    if (context.info.isLocal || context.info.heartbeatTimeoutMs === undefined) return await next(input);
    const pulse = setInterval(() => context.heartbeat(), context.info.heartbeatTimeoutMs / PULSES);
    try {
      return await next(input);
    } finally {
      clearInterval(pulse);
    }
  }
}
