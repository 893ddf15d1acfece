import { writeFileSync } from 'node:fs';
import { readSettings } from '../../environment/settings';
import { FakeCloud } from '../../tests/fleet/support/fake-cloud';
import { FakeHosts } from '../../tests/fleet/support/fake-hosts';
import { runWorker } from '../../worker/main';

/** Milliseconds that each call to the cloud and to a machine takes. */
const LATENCY_MS = 100;

/** A worker as `gatewright worker` runs it, whose cloud and machines are in its memory and take their time. */
async function main(): Promise<void> {
  const cloud = new FakeCloud(LATENCY_MS);
  const hosts = new FakeHosts(LATENCY_MS);
  const running = await runWorker(readSettings(), {
    fleet: (ports) => ({ ...ports, hosts, clouds: new Map([[cloud.backend, cloud]]) }),
  });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
