import { activityInfo } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';

/** Holds activities of a name up, or has them fail, when a test says so. */
export class ActivityGate implements ActivityInboundCallsInterceptor {
  private readonly closed = new Map<string, Promise<void>>();
  private readonly failing = new Map<string, () => Error | null>();

  /** @returns what opens it again. */
  close(name: string): () => void {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.closed.set(name, opened);
    return () => {
      this.closed.delete(name);
      open();
    };
  }

  /** Has every attempt fail for which `error` is not null. @returns what ends it. */
  fail(name: string, error: () => Error | null): () => void {
    this.failing.set(name, error);
    return () => void this.failing.delete(name);
  }

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const { activityType } = activityInfo();
    await this.closed.get(activityType);
    const error = this.failing.get(activityType)?.();
    if (error) throw error;
    return await next(input);
  }
}
