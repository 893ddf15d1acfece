import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  private readonly reached: string;

  constructor(settingsFile: string) {
    this.plan = join(dirname(settingsFile), 'break-point.json');
    this.reached = join(dirname(settingsFile), 'break-point.reached');
  }

  set(point: BreakPoint): void {
    rmSync(this.reached, { force: true });
    writeFileSync(this.plan, JSON.stringify(point));
  }

  /** Lets whoever waits at it go on, and nobody wait any more. */
  clear(): void {
    rmSync(this.plan, { force: true });
  }

  get wasReached(): boolean {
    return existsSync(this.reached);
  }

  /** The pid of the worker that reached it. */
  get reachedBy(): number {
    return Number(readFileSync(this.reached, 'utf8'));
  }

  /** Waits here if this is the point and nobody has waited at it before. */
  async stopAt(step: string, phase: Phase, when: BreakPoint['when']): Promise<void> {
    if (!existsSync(this.plan) || this.wasReached) return;
    const point = JSON.parse(readFileSync(this.plan, 'utf8')) as BreakPoint;
    if (point.step !== step || point.phase !== phase || point.when !== when) return;
    writeFileSync(this.reached, String(process.pid));
    while (existsSync(this.plan)) await sleep(5);
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
