import type { DeployPorts } from '../../../activities/deploy/ports';
import { Failure, type FailureCode } from '../../../domain/failures';
import type { SchemaEngine } from '../../../drivers/database/engine';

/** What is done to a deployment, by the engine's names. */
export const phases = ['prepare', 'copy', 'prove', 'cutOver', 'finish', 'revert'] as const;
export type Phase = (typeof phases)[number];

/** Everything of an engine that changes a schema. */
const writing = new Set<string | symbol>([...phases, 'follow', 'cancel', 'reapply']);

/** A failure that somebody wants of a schema. */
interface Injection {
  readonly schema: string;
  readonly phase: Phase;
  readonly code: FailureCode;
  /** How often it is to happen. */
  times: number;
  happened: number;
}

/** A failure that was asked for. */
export interface Injected {
  /** How often it has happened. */
  readonly happened: number;
  /** Has it happen no more. */
  end(): void;
}

/** Has what is done to schemas fail where a test says so, and keeps in mind when something was last done to each. */
export class Injector {
  private readonly injections: Injection[] = [];
  private readonly lasts = new Map<string, number>();
  private readonly busy = new Map<string, number>();

  /** Has a phase of a schema fail. What was prepared is there when that fails, the others have not begun. */
  add(schema: string, phase: Phase, code: FailureCode, times = Infinity): Injected {
    const injection = { schema, phase, code, times, happened: 0, end: () => void (injection.times = 0) };
    this.injections.push(injection);
    return injection;
  }

  /** Milliseconds of the last moment at which something was done to a schema; Infinity while something is. */
  lastWrite(schema: string): number {
    return (this.busy.get(schema) ?? 0) > 0 ? Infinity : (this.lasts.get(schema) ?? 0);
  }

  ports(ports: DeployPorts): DeployPorts {
    return { ...ports, engine: async (...of) => this.watched(await ports.engine(...of), of[1]) };
  }

  private watched(engine: SchemaEngine, schema: string): SchemaEngine {
    return new Proxy(engine, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const method = (member as (...of: unknown[]) => Promise<unknown>).bind(target);
        if (!writing.has(name)) return method;
        return async (...of: unknown[]) =>
          await this.during(schema, () => this.call(schema, name, () => method(...of)));
      },
    });
  }

  private async call(schema: string, phase: string | symbol, action: () => Promise<unknown>): Promise<unknown> {
    const injection = this.injections.find(
      (each) => each.schema === schema && each.phase === phase && each.happened < each.times,
    );
    if (!injection) return await action();
    if (phase === 'prepare') await action();
    injection.happened++;
    throw new Failure(injection.code, `${injection.phase} fails, as somebody wants it`);
  }

  private async during<T>(schema: string, action: () => Promise<T>): Promise<T> {
    this.busy.set(schema, (this.busy.get(schema) ?? 0) + 1);
    try {
      return await action();
    } finally {
      this.busy.set(schema, this.busy.get(schema)! - 1);
      this.lasts.set(schema, Date.now());
    }
  }
}
