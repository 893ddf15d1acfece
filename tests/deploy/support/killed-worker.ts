import { writeFileSync } from 'node:fs';
import { activityInfo } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { readSettings } from '../../../environment/settings';
import { runWorker } from '../../../worker/main';
import { BreakPointFiles } from '../../support/break-points';

/** A worker process as `gatewright worker` runs it, which stops before or after an activity of a name. */
async function main(): Promise<void> {
  const files = new BreakPointFiles(process.env.GATEWRIGHT_SETTINGS!);
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input, next) {
      const { activityType } = activityInfo();
      await files.stopAt(activityType, 'do', 'before');
      const value = await next(input);
      await files.stopAt(activityType, 'do', 'after');
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
