import { writeFileSync } from 'node:fs';
import { readSettings } from '../../environment/settings';
import { runWorker } from '../../worker/main';
import { BreakPointFiles, BreakPoints } from './break-points';

/** A worker process as `gatewright worker` runs it, which stops at break points. */
async function main(): Promise<void> {
  const breakPoints = new BreakPoints(new BreakPointFiles(process.env.GATEWRIGHT_SETTINGS!));
  const running = await runWorker(readSettings(), { activityInterceptors: [() => ({ inbound: breakPoints })] });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
