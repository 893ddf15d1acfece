import { writeFileSync } from 'node:fs';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { readSettings } from '../environment/settings';
import { readStepHeader } from '../worker/interceptors/step-header';
import { runWorker } from '../worker/main';
import { PauseFile } from './pause-file';

/** A worker as `gatewright worker` runs it, which can be held in the middle of a step. */
async function main(): Promise<void> {
  const pause = new PauseFile(process.env.GATEWRIGHT_SETTINGS!);
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input, next) {
      const value = await next(input);
      const header = readStepHeader(input.headers);
      if (header?.phase === 'do') await pause.holdAt(header.step);
      return value;
    },
  };
  const running = await runWorker(readSettings(), { activityInterceptors: [() => ({ inbound })] });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
