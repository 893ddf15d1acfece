import { Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';

/** A third of the silence after which the server takes a worker for dead (workflows/gateway/activities.ts). */
const pulseMs = 1_000;

/**
 * Says that the worker is alive while an activity runs, so that a dead one is noticed in seconds, and hears of
 * cancellation that way. How long an attempt may take is bounded by its own deadline.
 */
export class Heartbeat implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const context = Context.current();
    if (context.info.isLocal || context.info.heartbeatTimeoutMs === undefined) return await next(input);
    const pulse = setInterval(() => context.heartbeat(), pulseMs);
    try {
      return await next(input);
    } finally {
      clearInterval(pulse);
    }
  }
}
