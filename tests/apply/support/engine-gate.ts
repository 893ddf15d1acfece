import type { DeployPorts } from '../../../activities/deploy/ports';
import { Failure, type FailureCode } from '../../../domain/failures';
import type { SchemaEngine } from '../../../drivers/database/engine';

/** What an engine does to a schema, by its own names. */
export type Deed = 'prepare' | 'copy' | 'prove' | 'cutOver' | 'revert' | 'finish' | 'cancel';
const deeds: readonly (string | symbol)[] = ['prepare', 'copy', 'prove', 'cutOver', 'revert', 'finish', 'cancel'];

/** Something that is held up until a test lets it go. */
export interface Hold {
  /** Whether it has come to it. */
  readonly reached: boolean;
  open(): void;
}

/** Holds up what engines do, or has it fail, and remembers what was done. */
export class EngineGate {
  /** What was done, in its order: `cutOver d1`. */
  readonly done: string[] = [];
  private readonly holds = new Map<string, Promise<void>>();
  private readonly reached = new Set<string>();
  private readonly failures = new Map<string, { readonly code: FailureCode; times: number }>();

  ports(ports: DeployPorts): DeployPorts {
    return { ...ports, engine: async (...of) => this.watched(await ports.engine(...of), of[1]) };
  }

  /** Holds a deed up before it is done. */
  hold(deed: Deed, schema: string): Hold {
    const key = `${deed} ${schema}`;
    let open = (): void => undefined;
    this.holds.set(key, new Promise<void>((resolve) => (open = resolve)));
    const { reached, holds } = this;
    return {
      get reached() {
        return reached.has(key);
      },
      open() {
        holds.delete(key);
        open();
      },
    };
  }

  /** Has a deed fail so often, each time for good. @returns what ends it */
  fail(deed: Deed, schema: string, code: FailureCode, times = 1): () => void {
    this.failures.set(`${deed} ${schema}`, { code, times });
    return () => void this.failures.delete(`${deed} ${schema}`);
  }

  /** What was done to some schemas, named by their places among them. */
  doneTo(schemas: readonly string[], ...only: readonly Deed[]): string[] {
    return this.done.flatMap((each) => {
      const [deed, schema] = each.split(' ') as [Deed, string];
      const place = schemas.indexOf(schema);
      return place === -1 || (only.length > 0 && !only.includes(deed)) ? [] : [`${deed} ${place}`];
    });
  }

  private watched(engine: SchemaEngine, schema: string): SchemaEngine {
    return new Proxy(engine, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function' || !deeds.includes(name)) return member;
        const method = (member as (...of: unknown[]) => Promise<unknown>).bind(target);
        return async (...of: unknown[]) => {
          const { signal } = of.at(-1) as { readonly signal: AbortSignal };
          return await this.pass(`${String(name)} ${schema}`, signal, () => method(...of));
        };
      },
    });
  }

  private async pass(key: string, signal: AbortSignal, action: () => Promise<unknown>): Promise<unknown> {
    this.reached.add(key);
    const aborted = new Promise<void>((_, reject) =>
      signal.addEventListener('abort', () => reject(Object.assign(new Error('stopped'), { name: 'AbortError' }))),
    );
    await Promise.race([this.holds.get(key), aborted]);
    signal.throwIfAborted();
    const failure = this.failures.get(key);
    if (failure && failure.times-- > 0)
      throw new Failure(failure.code, `${key} fails, as somebody wants it`, { retryable: false });
    const result = await action();
    this.done.push(key);
    return result;
  }
}
