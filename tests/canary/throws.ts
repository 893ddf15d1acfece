import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { readStepHeader } from '../../worker/interceptors/step-header';

/** Which errors that nobody expected are thrown where, as a file beside the settings: `step/phase` to message. */
export class Throws implements ActivityInboundCallsInterceptor {
  private readonly file: string;

  constructor(settingsFile: string) {
    this.file = join(dirname(settingsFile), 'throws.json');
  }

  set(messages: Readonly<Record<string, string>>): void {
    writeFileSync(this.file, JSON.stringify(messages), { mode: 0o600 });
  }

  clear(): void {
    rmSync(this.file, { force: true });
  }

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const header = readStepHeader(input.headers);
    if (!header || !existsSync(this.file)) return await next(input);
    const messages = JSON.parse(readFileSync(this.file, 'utf8')) as Record<string, string>;
    const message = messages[`${header.step}/${header.phase}`];
    if (message !== undefined) throw new Error(message);
    return await next(input);
  }
}
