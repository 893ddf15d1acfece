import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { GatewayStarted, Placements } from '../../domain/gateway/contract';
import { Faults, type Fault } from '../support/faults';
import { beginStart, beginStop } from '../support/runs';
import { World } from '../support/world';
import { ended, forget, keep, untilStuck } from './recording';

/*
 * Records the histories that replay.test.ts replays: one run for every outcome, on real components.
 *
 *     node -r ./tests/support/register.js tests/replay/record.ts
 *
 * Run it again when a new kind of run or outcome comes; never to make a failing replay pass for runs that may be in
 * flight somewhere: those need a patch (see docs/operating.md).
 */

const startSteps = ['allocate', 'dns', 'route', 'reload', 'handshake'];
const stopSteps = ['begin', 'route', 'reload', 'dns'];

type Scenario = (world: World, faults: Faults) => Promise<WorkflowHandle>;

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

async function record(placements: Placements, suffix: string): Promise<void> {
  const faults = new Faults();
  const world = await World.start({ agents: 40, placements });
  try {
    await world.startWorker([() => ({ inbound: faults })]);
    for (const [name, scenario] of Object.entries(scenarios)) {
      await keep(await scenario(world, faults), `${name}${suffix}`);
    }
  } finally {
    await world.close();
  }
}

async function main(): Promise<void> {
  forget('start', 'stop');
  await record({ store: 'local', dns: 'local', handshake: 'local' }, '');
  await record({ store: 'regular', dns: 'regular', handshake: 'regular' }, '-regular');
  process.exit(0);
}

void main();
