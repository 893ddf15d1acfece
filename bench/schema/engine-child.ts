import type { Proof, Swapped } from '../../drivers/database/engine';
import type { PlannedChange } from '../../domain/schema/plan';
import { Child } from './child';

/** What an engine works on. */
export type EngineTarget =
  | { readonly kind: 'mysql'; readonly url: string }
  | { readonly kind: 'postgresql'; readonly url: string; readonly schema: string };

/** One call of the engine. */
export interface EngineCall {
  readonly verb: 'prepare' | 'copy' | 'follow' | 'prove' | 'finish' | 'cancel' | 'cutOver' | 'revert' | 'reapply';
  /** Between 0 and 0.95; 0 unless told. */
  readonly throttle?: number;
  /** Milliseconds until it is given up. */
  readonly forMs?: number;
}

/** How a call went. */
export interface Timed<T = unknown> {
  /** Milliseconds, without the way to the process and back. */
  readonly ms: number;
  /** Of a call that was not given up. */
  readonly result: T;
  /** Whether it was given up, after the time it was given. */
  readonly gaveUp: boolean;
  /** As the engine reported last. */
  readonly rowsCopied: number;
}

/** The engine at work on one change, in a process of its own. */
export class EngineChild {
  private constructor(
    private readonly child: Child,
    private readonly kind: EngineTarget['kind'],
  ) {}

  static async start(target: EngineTarget, change: PlannedChange): Promise<EngineChild> {
    const child = Child.start('bench/schema/engine-process');
    await child.call('open', { target, change });
    return new EngineChild(child, target.kind);
  }

  async run(verb: EngineCall['verb'], options: Omit<EngineCall, 'verb'> = {}): Promise<Timed> {
    return await this.child.call('call', { verb, ...options });
  }

  /** Compares both sides while others write. @throws Error when they are not the same. */
  async prove(throttle = 0): Promise<Timed<Proof>> {
    const prove = async (): Promise<Timed> => await this.run('prove', { throttle });
    // That of PostgreSQL follows the log itself, and is the only one who does meanwhile.
    const proof = (this.kind === 'mysql' ? await this.following(prove) : await prove()) as Timed<Proof>;
    if (proof.result.differingCount > 0) throw new Error(`rows differ: ${JSON.stringify(proof.result)}`);
    return proof;
  }

  /** Copies everything, also while others write. @throws Error when that is not done within a time. */
  async copyAll(withinMs: number): Promise<Timed> {
    const copy = await this.run('copy', { forMs: withinMs });
    if (copy.gaveUp) throw new Error(`copying and following came to no end within ${withinMs / 1_000} s`);
    return copy;
  }

  async swap(verb: 'cutOver' | 'revert' | 'reapply'): Promise<Timed<Swapped>> {
    return (await this.run(verb)) as Timed<Swapped>;
  }

  /** Follows the log as long as something else is done. */
  async following<T>(action: () => Promise<T>): Promise<T> {
    const following = this.run('follow');
    try {
      return await Promise.race([following.then(() => Promise.reject(new Error('nobody follows'))), action()]);
    } finally {
      await this.child.call('abort', 'follow');
      await following;
    }
  }

  /** Megabytes that the process held at most so far. */
  async peakMb(): Promise<number> {
    return await this.child.call('peakMb');
  }

  stop(): void {
    this.child.stop();
  }
}
