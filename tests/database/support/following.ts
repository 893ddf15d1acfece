import type { PlannedChange } from '../../../domain/schema/plan';
import type { ThrottleLimits } from '../../../domain/schema/throttle';
import type { SchemaEngine } from '../../../drivers/database/engine';

/** What no server is beyond. */
export const roomy: ThrottleLimits = {
  ...{ replicaLagSeconds: 1e9, threadsRunning: 1e9, logLength: 1e9, behindSeconds: 1e9, writeP99Ms: 1e9 },
};

/** Follows a change, and tells from what it reports whether and why it is slowed. */
export class Following {
  private readonly stopping = new AbortController();
  private throttledBy: string | null = null;
  private readonly ended: Promise<void>;

  constructor(engine: SchemaEngine, change: PlannedChange, limits: Partial<ThrottleLimits>) {
    this.ended = engine.follow(change, {
      signal: this.stopping.signal,
      limits: { ...roomy, ...limits },
      onProgress: ({ tables }) => (this.throttledBy = tables[0]!.throttledBy),
    });
  }

  /** Waits until it says such a thing. */
  async says(what: (throttledBy: string | null) => boolean): Promise<string | null> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
      if (what(this.throttledBy)) return this.throttledBy;
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    throw new Error(`it still says ${this.throttledBy}`);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }
}
