import { writeFileSync } from 'node:fs';
import { readSettings } from '../../environment/settings';
import { runWorker } from '../../worker/main';
import { FakeSchemas } from './fake-engine';

/** A worker as `gatewright worker` runs it, whose database servers are in its memory. */
async function main(): Promise<void> {
  const schemas = new FakeSchemas();
  const running = await runWorker(readSettings(), { deploys: (ports) => schemas.ports(ports) });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
