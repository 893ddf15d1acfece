import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import type { Phase } from '../../domain/journal';
import { readStepHeader } from '../../worker/interceptors/step-header';

/** Where a worker process stops until it is told to go on, or killed. */
export interface BreakPoint {
  readonly step: string;
  readonly phase: Phase;
  /** Whether the step has had its effect by then. */
  readonly when: 'before' | 'after';
}

/** A break point as two files beside the settings: the plan, and the word that it was reached. */
export class BreakPointFiles {
  private readonly plan: string;
  private id = '';

  constructor(private readonly settingsFile: string) {
    this.plan = join(dirname(settingsFile), 'break-point.json');
  }

  /** Has whoever comes there next wait. Whoever waits at an earlier one goes on. */
  set(point: BreakPoint): void {
    this.id = randomUUID();
    // At once, as whoever looks sees either the earlier one or this.
    writeFileSync(`${this.plan}.new`, JSON.stringify({ ...point, id: this.id }));
    renameSync(`${this.plan}.new`, this.plan);
  }

  /** Lets whoever waits at it go on, and nobody wait any more. */
  clear(): void {
    rmSync(this.plan, { force: true });
  }

  get wasReached(): boolean {
    return existsSync(this.reached(this.id));
  }

  /** The pid of the worker that reached it. */
  get reachedBy(): number {
    return Number(readFileSync(this.reached(this.id), 'utf8'));
  }

  /** Waits here if this is the point and nobody has waited at it before. */
  async stopAt(step: string, phase: Phase, when: BreakPoint['when']): Promise<void> {
    const point = this.planned();
    if (!point || existsSync(this.reached(point.id))) return;
    if (point.step !== step || point.phase !== phase || point.when !== when) return;
    writeFileSync(this.reached(point.id), String(process.pid));
    while (this.planned()?.id === point.id) await sleep(5);
  }

  private planned(): (BreakPoint & { readonly id: string }) | undefined {
    try {
      return JSON.parse(readFileSync(this.plan, 'utf8')) as BreakPoint & { readonly id: string };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  private reached(id: string): string {
    return join(dirname(this.settingsFile), `break-point.${id}.reached`);
  }
}

/** Stops steps at the break point of a settings file. */
export class BreakPoints implements ActivityInboundCallsInterceptor {
  constructor(private readonly files: BreakPointFiles) {}

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const header = readStepHeader(input.headers);
    if (!header) return await next(input);
    await this.files.stopAt(header.step, header.phase, 'before');
    const value = await next(input);
    await this.files.stopAt(header.step, header.phase, 'after');
    return value;
  }
}
