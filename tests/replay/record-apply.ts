import type { WorkflowHandle } from '@temporalio/client';
import type { RolloutSettings } from '../../domain/rollout/apply';
import { operationRunId } from '../../domain/rollout/contract';
import type { Deed } from '../apply/support/engine-gate';
import { FakeWorld } from '../apply/support/fake-world';
import type { Rollout } from '../apply/support/real-world';
import { eventually } from '../support/eventually';
import { ended, forget, keep } from './recording';

/*
 * Records the histories of deploys over several deployments that replay.test.ts replays: that of the request and of each
 * workflow of an operation, for every outcome. Run it again as record.ts is.
 *
 *     node -r ./tests/support/register.js tests/replay/record-apply.ts
 */

async function main(): Promise<void> {
  forget('apply');
  const fake = await FakeWorld.start();
  try {
    for (const [name, story] of Object.entries(stories)) await keepAll(fake, await story(fake), name);
  } finally {
    await fake.close();
  }
}

/** Keeps the history of a request that is over, or waits for a person, and those of its operations. */
async function keepAll(fake: FakeWorld, { request, ...rollout }: Told, name: string): Promise<void> {
  await keep(request, `apply-${name}`);
  for (const [place, { id, epoch }] of (await rollout.rollout.operations()).entries())
    for (let each = 1; each <= epoch; each++) {
      const workflowId = operationRunId({ operation: { id, epoch: each } });
      await keep(
        await ended(fake.world.temporal.client.workflow.getHandle(workflowId)),
        `apply-${name}-${place}-${each}`,
      );
    }
}

interface Told {
  readonly rollout: Rollout;
  readonly request: WorkflowHandle;
}

const opened = async (fake: FakeWorld, settings: Partial<RolloutSettings> = {}, deferred = false) => {
  const rollout = await fake.request(2, settings, { deferred });
  const { request } = rollout;
  return {
    ...{ rollout, request },
    /** Deploys it, and holds it up before the first deed of the second. */
    until: async (deed: Deed): Promise<() => void> => {
      const hold = fake.gate.hold(deed, rollout.schemas[1]!);
      await request.tell('deploy');
      await eventually(() => (hold.reached ? undefined : Promise.reject(new Error(`${deed} is not reached`))));
      return () => hold.open();
    },
    live: async (): Promise<void> => void (await request.reaches('complete_pending_revert')),
    over: async (): Promise<Told> => ({ rollout, request: await ended(request.handle) }),
  };
};

const stories: Readonly<Record<string, (fake: FakeWorld) => Promise<Told>>> = {
  skipped: async (fake) => {
    const { request, live, over } = await opened(fake, { cutover: 'barrier' }, true);
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    await request.tell('applyDeploy');
    await live();
    await request.tell('skipRevert');
    return await over();
  },
  instant: async (fake) => {
    const { request, over } = await opened(fake);
    await request.tell('deploy', { instant: true });
    return await over();
  },
  stopped: async (fake) => {
    const { rollout, request, until, live, over } = await opened(fake);
    const open = await until('copy');
    await rollout.say('stop');
    await rollout.until('stopped', (_, all) => all[1]!.state === 'stopped');
    open();
    await rollout.say('start');
    await live();
    await request.tell('skipRevert');
    return await over();
  },
  cancelled: async (fake) => {
    const { request, until, over } = await opened(fake, { cutover: 'barrier' });
    const open = await until('copy');
    await request.tell('cancel');
    open();
    return await over();
  },
  reverted: async (fake) => {
    const { rollout, request, live, over } = await opened(fake);
    await request.tell('deploy');
    await live();
    const free = fake.gate.fail('revert', rollout.schemas[1]!, 'CHANGE_BLOCKED', Infinity);
    await request.tell('revert');
    await live();
    free();
    await request.tell('revert');
    return await over();
  },
  failed: async (fake) => {
    const { rollout, request, over } = await opened(fake, { onFailure: 'pause' });
    fake.gate.fail('prove', rollout.schemas[0]!, 'SIDES_DIFFER');
    fake.gate.fail('copy', rollout.schemas[1]!, 'DATABASE_UNREACHABLE');
    await request.tell('deploy');
    await rollout.until('paused', ({ state }) => state === 'paused');
    await rollout.say('release');
    await rollout.until('failed for now', (_, all) => all[1]!.state === 'failed_retryable');
    await rollout.say('retry');
    await rollout.until('live', (_, all) => all[1]!.state === 'revert_window');
    await request.tell('skipRevert');
    await request.reaches('complete_error');
    await request.tell('completeDeploy');
    return await over();
  },
};

void main().then(() => process.exit(0));
