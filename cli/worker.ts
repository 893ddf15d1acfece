import { writeFileSync } from 'node:fs';
import { readSettings } from '../environment/settings';
import { workerIdentity } from '../worker/identity';
import { installRuntime, workerLog } from '../worker/log';
import { runWorker } from '../worker/main';
import { onTermination } from './termination';

/** `gatewright worker`: runs a worker until it is asked to end; then it finishes what is under way. */
export async function worker(): Promise<void> {
  installRuntime(workerLog(workerIdentity()));
  const running = await runWorker(readSettings());
  // Whoever started this process may wait for this file.
  if (process.env.GATEWRIGHT_READY_FILE) writeFileSync(process.env.GATEWRIGHT_READY_FILE, `${process.pid}\n`);
  onTermination(() => running.shutdown());
  await running.run;
  process.exit(0);
}
