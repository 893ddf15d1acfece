import { writeFileSync } from 'node:fs';
import { readSettings } from '../../environment/settings';
import { installRuntime, workerLog } from '../../worker/log';
import { runWorker } from '../../worker/main';
import { Throws } from './throws';

/** A worker process as `gatewright worker` runs it, whose steps throw what a test wants. */
async function main(): Promise<void> {
  installRuntime(workerLog('throwing'));
  const throws = new Throws(process.env.GATEWRIGHT_SETTINGS!);
  const running = await runWorker(readSettings(), { activityInterceptors: [() => ({ inbound: throws })] });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
