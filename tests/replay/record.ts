import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { GatewayStarted, Placements } from '../../domain/gateway/contract';
import type { SagaView } from '../../domain/saga';
import { historyText } from '../../worker/replay';
import { Faults, type Fault } from '../support/faults';
import { beginStart, beginStop } from '../support/runs';
import { World } from '../support/world';

/*
 * Records the histories that replay.test.ts replays: one run for every outcome, on real components.
 *
 *     node -r ./tests/support/register.js tests/replay/record.ts
 *
 * Run it again when a new kind of run or outcome comes; never to make a failing replay pass for runs that may be in
 * flight somewhere: those need a patch (see docs/operating.md).
 */

const directory = join(__dirname, 'histories');
const startSteps = ['allocate', 'dns', 'route', 'reload', 'handshake'];
const stopSteps = ['begin', 'route', 'reload', 'dns'];

type Scenario = (world: World, faults: Faults) => Promise<WorkflowHandle>;

async function ended(handle: WorkflowHandle): Promise<WorkflowHandle> {
  await handle.result().catch(() => undefined);
  return handle;
}

async function resolved(
  handle: WorkflowHandle,
  faults: Faults,
  ...actions: ('retry' | 'skip')[]
): Promise<WorkflowHandle> {
  for (const action of actions) {
    const stuck = await untilStuck(handle);
    if (action === 'retry') faults.arm();
    await handle.executeUpdate('resolve', { args: [{ step: stuck, action, reason: 'recorded', by: 'recorder' }] });
  }
  return await ended(handle);
}

async function untilStuck(handle: WorkflowHandle): Promise<string> {
  for (;;) {
    const view = await handle.query<SagaView>('saga');
    const stuck = view.steps.find((step) => step.state === 'stuck');
    if (view.state === 'needs_attention' && stuck) return stuck.name;
    await sleep(50);
  }
}

const failing =
  (...armed: Fault[]): Scenario =>
  async (world, faults) => {
    faults.arm(...armed);
    return await ended(await beginStart(world));
  };

async function started(world: World, faults: Faults): Promise<GatewayStarted> {
  faults.arm();
  return (await (await beginStart(world)).result()) as GatewayStarted;
}

const scenarios: Record<string, Scenario> = {
  'start-succeeded': failing(),
  ...Object.fromEntries(
    startSteps.map((step) => [`start-failed-at-${step}`, failing({ step, phase: 'do', how: 'after' })]),
  ),
  'start-timed-out-at-dns': failing({ step: 'dns', phase: 'do', how: 'timeout' }),
  'start-undo-retried-by-itself': failing(
    { step: 'handshake', phase: 'do', how: 'after' },
    { step: 'dns', phase: 'undo', how: 'weather', times: 2 },
  ),
  'start-cancelled': async (world, faults) => {
    const allocationId = randomUUID();
    const cancel = (): Promise<void> =>
      world.temporal.client.workflow
        .getHandle(`gateway-start-${allocationId}`)
        .cancel()
        .then(() => undefined);
    faults.arm({ step: 'route', phase: 'do', how: 'during', times: 1, hook: cancel });
    return await ended(await beginStart(world, { allocationId }));
  },
  'start-attention-retry': async (world, faults) => {
    faults.arm({ step: 'handshake', phase: 'do', how: 'after' }, { step: 'route', phase: 'undo', how: 'weather' });
    return await resolved(await beginStart(world), faults, 'retry');
  },
  'start-attention-skip': async (world, faults) => {
    faults.arm({ step: 'handshake', phase: 'do', how: 'after' }, { step: 'dns', phase: 'undo', how: 'weather' });
    return await resolved(await beginStart(world), faults, 'skip');
  },
  'stop-succeeded': async (world, faults) => await ended(await beginStop(world, await started(world, faults))),
  ...Object.fromEntries(
    stopSteps.map((step): [string, Scenario] => [
      `stop-failed-at-${step}`,
      async (world, faults) => {
        const gateway = await started(world, faults);
        faults.arm({ step, phase: 'do', how: 'after' });
        return await ended(await beginStop(world, gateway));
      },
    ]),
  ),
  'stop-attention-retry-past-no-return': async (world, faults) => {
    const gateway = await started(world, faults);
    faults.arm({ step: 'release', phase: 'do', how: 'before' });
    return await resolved(await beginStop(world, gateway), faults, 'retry');
  },
};

/** Without stack traces, which name paths of the machine that recorded them. */
function withoutTraces(text: string): string {
  const strip = (key: string, value: unknown): unknown => (key === 'stackTrace' ? undefined : value);
  return `${JSON.stringify(JSON.parse(text, strip), null, 2)}\n`;
}

async function record(placements: Placements, suffix: string): Promise<void> {
  const faults = new Faults();
  const world = await World.start({ agents: 40, placements });
  try {
    await world.startWorker([() => ({ inbound: faults })]);
    for (const [name, scenario] of Object.entries(scenarios)) {
      const { workflowId } = await scenario(world, faults);
      const history = await world.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      writeFileSync(join(directory, `${name}${suffix}.json`), withoutTraces(historyText({ workflowId, history })));
      console.log(`${name}${suffix}: ${history.events!.length} events`);
    }
  } finally {
    await world.close();
  }
}

async function main(): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const file of readdirSync(directory)) rmSync(join(directory, file));
  await record({ store: 'local', dns: 'local', handshake: 'local' }, '');
  await record({ store: 'regular', dns: 'regular', handshake: 'regular' }, '-regular');
  process.exit(0);
}

void main();
