import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { Failure } from '../../domain/failures';
import { FleetWorkflow, rolloutRunId } from '../../domain/fleet/contract';
import { shippedProfile, type FleetReplica, type ProfileRevision } from '../../domain/fleet/gateway';
import { plannedStep } from '../../domain/run-plan';
import { revertSignal, skipRevertSignal } from '../../workflows/fleet/signals';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';
import { never } from './support/fake-hosts';
import { FleetWorld, testFleetPolicy } from './support/world';

/* Giving the replicas of a gateway another revision of its profile. */

jest.setTimeout(60_000);

const web: ProfileRevision = { name: 'web', revision: 1 };
const newer: ProfileRevision = { name: 'web', revision: 2 };

let world: FleetWorld;
let gateway: { id: string };
let before: FleetReplica[];

beforeAll(async () => {
  world = await FleetWorld.start({ ...testFleetPolicy, healthyDeadlineMs: 1_000, rolloutRevertMs: 3_600_000 });
  await world.startWorker();
}, 120_000);
afterAll(async () => await world.close());
beforeEach(async () => {
  world.hosts.sick.clear();
  world.hosts.onGive = async () => {};
  world.hosts.given.length = 0;
  gateway = await world.create({ replicas: 3 });
  await eventually(async () => expect(await world.gateway(gateway)).toMatchObject({ state: 'running' }));
  before = await world.live(gateway);
  world.hosts.given.length = 0;
});
afterEach(async () => {
  world.hosts.onGive = async () => {};
  world.hosts.sick.clear();
  const gateways = await world.store.fleet.gateways.list(world.organizationId);
  await Promise.all(gateways.map((each) => world.remove(each)));
  await eventually(async () => expect(await world.store.fleet.gateways.list(world.organizationId)).toEqual([]), 30_000);
  expect(world.cloud.present).toEqual([]);
});

/** Applies the gateway with another profile, as the API does. */
async function apply(profile: ProfileRevision): Promise<WorkflowHandle> {
  const { configuration } = (await world.gateway(gateway))!;
  const change = { configuration: { ...configuration, profile: profile.name }, profile };
  const { rollout } = await world.store.fleet.gateways.update(world.organizationId, gateway.id, change, {
    actor: 'me',
  });
  await world.tell(gateway.id);
  const run = world.temporal.client.workflow.getHandle(rolloutRunId(gateway.id, rollout!.number));
  await eventually(async () => await run.describe());
  return run;
}

async function applied(profile: ProfileRevision): Promise<void> {
  await eventually(async () => {
    const live = await world.live(gateway);
    expect(live.map(({ appliedProfile, state, rollout }) => ({ appliedProfile, state, rollout }))).toEqual(
      live.map(() => ({ appliedProfile: profile, state: 'running', rollout: null })),
    );
    expect(live).toHaveLength(3);
  }, 30_000);
}

/** The gateway and its replicas are what they were, and all of them can be given to organizations. */
async function asBefore(): Promise<void> {
  await applied(shippedProfile);
  expect((await world.live(gateway)).map(({ id, instanceId }) => [id, instanceId])).toEqual(
    before.map(({ id, instanceId }) => [id, instanceId]),
  );
  await settled(shippedProfile);
  expect((await world.gateway(gateway))!.configuration.profile).toBeNull();
}

async function settled(profile: ProfileRevision): Promise<void> {
  await eventually(async () => expect(await world.gateway(gateway)).toMatchObject({ profile, rollout: null }));
  const pool = (await world.store.pool.replicas()).filter(({ withdrawnAt }) => withdrawnAt === null);
  expect(pool.map(({ id }) => id).sort()).toEqual((await world.live(gateway)).map(({ id }) => id).sort());
}

async function state(run: WorkflowHandle, expected: string): Promise<void> {
  await eventually(async () => expect((await run.query(sagaQuery)).state).toBe(expected), 30_000);
}

/** Waits for the run's end; it is in the journal with the same end. */
async function failed(run: WorkflowHandle, error: object): Promise<void> {
  await expect(run.result()).rejects.toMatchObject(error);
  expect(await world.store.journal.run(run.workflowId)).toMatchObject({ kind: 'fleet.rollout', state: 'rolled_back' });
}

/** Holds up whoever is given a revision at this address, once; `reached` resolves when it is. */
function holdUp(revision: ProfileRevision, serves: string): { reached: Promise<void>; goOn: () => void } {
  let goOn = (): void => {};
  const gone = new Promise<void>((resolve) => (goOn = resolve));
  let arrive = (): void => {};
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  world.hosts.onGive = async (given, to, signal) => {
    if (given.revision !== revision.revision || given.name !== revision.name || to !== serves) return;
    arrive();
    await Promise.race([gone, never(signal)]);
  };
  return { reached, goOn };
}

const given = () => world.hosts.given.map(({ serves, revision }) => [serves, revision.name, revision.revision]);
const to = (replicas: readonly FleetReplica[], { name, revision }: ProfileRevision) =>
  replicas.map(({ serves }) => [serves, name, revision]);

test('replicas get it one after the other, in place; nobody is given the one that is at it', async () => {
  let atOnce = 0;
  let most = 0;
  const free: number[] = [];
  world.hosts.onGive = async () => {
    most = Math.max(most, ++atOnce);
    free.push((await world.store.pool.replicas()).filter(({ withdrawnAt }) => withdrawnAt === null).length);
    await sleep(100);
    atOnce--;
  };
  const run = await apply(web);
  await applied(web);
  expect(most).toBe(1);
  expect(free).toEqual([2, 2, 2]);
  expect(given()).toEqual(to(before, web));
  expect((await world.live(gateway)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  await eventually(async () =>
    expect((await run.query(sagaQuery)).steps.map(({ name, state: step }) => [name, step])).toEqual([
      ...['begin', 'replica-0-1', 'replica-1-1', 'replica-2-1'].map((name) => [name, 'done']),
      ['window', 'running'],
    ]),
  );
  await run.signal(skipRevertSignal);
  await run.result();
  await settled(web);
  const messages = await world.messages(gateway);
  expect(messages.filter((text) => text === 'Gateway replica configured with profile web:1')).toHaveLength(3);
  await eventually(async () =>
    expect(await world.messages(gateway)).toContain(`All replicas have profile web:1 (run ${run.workflowId})`),
  );
  expect(await world.store.journal.run(run.workflowId)).toMatchObject({ state: 'succeeded' });
});

test('it stops at the first that fails, and those that are done get the former one again', async () => {
  world.hosts.onGive = async ({ name }, serves) => {
    if (name === 'web' && serves === before[1]!.serves)
      throw new Failure('SCRIPT_FAILED', 'script install ended with 1');
    return await Promise.resolve();
  };
  const run = await apply(web);
  await failed(run, { cause: { type: 'SCRIPT_FAILED' } });
  await asBefore();
  const [first, second] = [before[0]!, before[1]!];
  // The third was never touched.
  expect(given()).toEqual([...to([first], web), ...to([second, first], shippedProfile)]);
  expect((await world.messages(gateway)).join('\n')).toContain(`Profile web:1 taken back: default:0 holds again`);
  // What failed once can be applied again: it is another run, and every operation on a machine another one.
  world.hosts.onGive = async () => {};
  await apply(web);
  await applied(web);
  const ids = world.hosts.given.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('one that does not pass its health check afterwards has all taken back; nobody replaces it meanwhile', async () => {
  world.hosts.onGive = async ({ name }, serves) => {
    if (name === 'web' && serves === before[2]!.serves) world.hosts.sick.add(serves);
    else world.hosts.sick.delete(serves);
    return await Promise.resolve();
  };
  const run = await apply(web);
  await failed(run, { cause: { type: 'REPLICA_UNHEALTHY' } });
  await asBefore();
  expect(given()).toEqual([...to(before, web), ...to([...before].reverse(), shippedProfile)]);
});

test('it can be taken back after it has reached all', async () => {
  const run = await apply(web);
  await applied(web);
  await eventually(async () =>
    expect((await run.query(sagaQuery)).steps.at(-1)).toMatchObject({ name: 'window', state: 'running' }),
  );
  await run.signal(revertSignal);
  await expect(run.result()).rejects.toThrow();
  expect(await run.query(sagaQuery)).toMatchObject({ state: 'rolled_back', cancelled: true });
  await asBefore();
  expect(given()).toEqual([...to(before, web), ...to([...before].reverse(), shippedProfile)]);
});

test.each(['cancel', 'revert'] as const)('%s in the middle takes it back', async (how) => {
  const { reached } = holdUp(web, before[1]!.serves!);
  const run = await apply(web);
  await reached;
  await (how === 'cancel' ? run.cancel() : run.signal(revertSignal));
  await expect(run.result()).rejects.toThrow();
  expect((await run.query(sagaQuery)).state).toBe('rolled_back');
  await asBefore();
});

test('another change ends it, and goes on from where it had come to', async () => {
  const { reached, goOn } = holdUp(web, before[1]!.serves!);
  const run = await apply(web);
  await reached;
  const next = await apply(newer);
  goOn();
  await run.result();
  await applied(newer);
  expect(given()).toEqual([...to(before.slice(0, 2), web), ...to(before, newer)]);
  // What the way back leads to is what was settled last.
  await next.signal(revertSignal);
  await expect(next.result()).rejects.toThrow();
  await asBefore();
});

test('a change while it could still be taken back ends it, too', async () => {
  const run = await apply(web);
  await applied(web);
  const next = await apply(newer);
  await run.result();
  await applied(newer);
  await next.signal(skipRevertSignal);
  await next.result();
  await settled(newer);
});

test('deleting the gateway in the middle ends it and waits for nothing', async () => {
  const { reached } = holdUp(web, before[1]!.serves!);
  const run = await apply(web);
  await reached;
  await world.remove(gateway);
  await eventually(async () => expect(world.cloud.present).toEqual([]), 30_000);
  await run.result();
  await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
});

test('a replica whose machine goes meanwhile is replaced by one that has it', async () => {
  const { reached, goOn } = holdUp(web, before[0]!.serves!);
  const run = await apply(web);
  await reached;
  world.hosts.sick.add(before[0]!.serves!);
  world.cloud.machines.delete(before[0]!.instanceId!);
  await eventually(async () =>
    expect((await world.replicas(gateway)).find(({ id }) => id === before[0]!.id)).toMatchObject({
      ...{ state: 'terminated', statusMessage: 'Machine is gone' },
    }),
  );
  goOn();
  await applied(web);
  await run.signal(skipRevertSignal);
  await run.result();
  expect((await world.live(gateway)).map(({ id }) => id)).not.toContain(before[0]!.id);
});

test('a replica that comes up meanwhile has it in the end', async () => {
  // The fourth is being configured with the former revision when the change comes.
  let arrived = 0;
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const known = new Set(before.map(({ serves }) => serves));
  world.hosts.onGive = async ({ name }, serves) => {
    if (name !== 'default' || known.has(serves) || arrived > 0) return;
    arrived++;
    await opened;
  };
  const { configuration } = (await world.gateway(gateway))!;
  const four = { configuration: { ...configuration, replicas: 4 } };
  await world.store.fleet.gateways.update(world.organizationId, gateway.id, four, { actor: null });
  await world.tell(gateway.id);
  await eventually(() => expect(arrived).toBe(1));
  const run = await apply(web);
  await eventually(() => expect(given()).toEqual(to(before, web)));
  open();
  await eventually(async () => {
    const live = await world.live(gateway);
    expect(live.map(({ appliedProfile }) => appliedProfile)).toEqual([web, web, web, web]);
  });
  await run.signal(skipRevertSignal);
  await run.result();
});

test('a machine that cannot be put back waits for a person; let be, it is replaced', async () => {
  world.hosts.onGive = async (_, serves) => {
    if (serves === before[1]!.serves) throw new Failure('SCRIPT_FAILED', 'no space left on device');
    return await Promise.resolve();
  };
  const run = await apply(web);
  await state(run, 'needs_attention');
  expect((await run.query(sagaQuery)).steps.filter((step) => step.state === 'stuck')).toMatchObject([
    { name: 'replica-1-1', undoError: { code: 'SCRIPT_FAILED' } },
  ]);
  expect(plannedStep(FleetWorkflow.rollout, 'replica-1-1')).toMatchObject({ leftBehind: 'the replica is replaced' });
  expect(await world.gateway(gateway)).toMatchObject({ profile: shippedProfile });
  // Nobody is given it, and it is not replaced behind the person's back.
  expect(await world.store.pool.replica(before[1]!.id)).toMatchObject({ withdrawnAt: expect.any(Date) as Date });
  expect((await world.live(gateway)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  const decision = { step: 'replica-1-1', action: 'skip', reason: 'its disk is full', by: 'test' } as const;
  await run.executeUpdate(resolveUpdate, { args: [decision] });
  await expect(run.result()).rejects.toMatchObject({ cause: { type: 'SCRIPT_FAILED' } });
  expect(await world.store.journal.run(run.workflowId)).toMatchObject({ state: 'abandoned' });
  world.hosts.onGive = async () => {};
  await applied(shippedProfile);
  expect((await world.replicas(gateway)).find(({ id }) => id === before[1]!.id)).toMatchObject({
    ...{ state: 'terminated', statusMessage: 'Its profile could not be put back' },
  });
  await settled(shippedProfile);
});

test('retried by a person it is put back, by an operation of its own', async () => {
  world.hosts.onGive = async (_, serves) => {
    if (serves === before[0]!.serves) throw new Failure('SCRIPT_FAILED', 'no space left on device');
    return await Promise.resolve();
  };
  const run = await apply(web);
  await state(run, 'needs_attention');
  world.hosts.onGive = async () => {};
  const decision = { step: 'replica-0-1', action: 'retry', reason: 'made room', by: 'test' } as const;
  await run.executeUpdate(resolveUpdate, { args: [decision] });
  await failed(run, { cause: { type: 'SCRIPT_FAILED' } });
  await asBefore();
});

test('a worker that dies in the middle is no matter', async () => {
  const { reached } = holdUp(web, before[1]!.serves!);
  const run = await apply(web);
  await reached;
  world.hosts.onGive = async () => {};
  await world.stopWorker();
  await world.startWorker();
  await applied(web);
  await run.signal(skipRevertSignal);
  await run.result();
  await settled(web);
  expect(given().filter(([serves]) => serves === before[0]!.serves)).toHaveLength(1);
});

test('what an organization holds is configured in place, and stays its own', async () => {
  const allocationId = randomUUID();
  const held = await world.store.pool.allocate({
    ...{ allocationId, organizationId: randomUUID(), hostname: 'org.test', runId: 'none' },
  });
  const run = await apply(web);
  await applied(web);
  expect(await world.store.pool.allocation(allocationId)).toMatchObject({ replicaId: held.replicaId });
  expect(await world.store.pool.replica(held.replicaId)).toMatchObject({ allocationId, withdrawnAt: null });
  await world.store.pool.release({ allocationId, organizationId: held.organizationId, runId: 'none' });
  await run.signal(skipRevertSignal);
  await run.result();
});
