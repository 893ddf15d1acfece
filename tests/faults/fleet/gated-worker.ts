import { writeFileSync } from 'node:fs';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { readSettings } from '../../../environment/settings';
import { readStepHeader } from '../../../worker/interceptors/step-header';
import { runWorker } from '../../../worker/main';
import { passGate } from './gate';

/** A worker as `gatewright worker` runs it, whose steps pass a gate before they do anything and after they did it. */
async function main(): Promise<void> {
  const port = Number(process.env.GATE_PORT);
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input, next) {
      const header = readStepHeader(input.headers);
      if (header?.phase !== 'do') return await next(input);
      const at = `${header.kind.replace('fleet.', '')} ${header.step}`;
      const arrival = { key: header.organizationId, at, pid: process.pid };
      await passGate(port, { ...arrival, when: 'before' });
      const value = await next(input);
      await passGate(port, { ...arrival, when: 'after' });
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
