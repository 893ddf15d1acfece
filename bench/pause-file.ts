import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A file beside an environment's settings that says at which step its worker holds the next run, once. */
export class PauseFile {
  private readonly plan: string;
  private readonly reached: string;

  constructor(settingsFile: string) {
    this.plan = join(dirname(settingsFile), 'pause');
    this.reached = join(dirname(settingsFile), 'paused');
  }

  /** Holds the next run in the middle of a step: when the step has had its effect and nobody knows yet. */
  set(step: string): void {
    rmSync(this.reached, { force: true });
    writeFileSync(this.plan, step);
  }

  /** Lets go on what is held. */
  clear(): void {
    rmSync(this.plan, { force: true });
  }

  get wasReached(): boolean {
    return existsSync(this.reached);
  }

  /** Waits here if this is the step and nothing has been held yet. */
  async holdAt(step: string): Promise<void> {
    if (!existsSync(this.plan) || this.wasReached || readFileSync(this.plan, 'utf8') !== step) return;
    writeFileSync(this.reached, '');
    while (existsSync(this.plan)) await sleep(2);
  }
}
