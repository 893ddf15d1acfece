import { Failure } from '../../domain/failures';
import { gatewayWorkflowId, provisionRunId, replicaWorkflowId } from '../../domain/fleet/contract';
import { eventually } from '../support/eventually';
import { never, refused } from './support/fake-hosts';
import { FleetWorld } from './support/world';

/* The lives of gateways and replicas, on a real Temporal and a real store, over a cloud and machines in memory. */

jest.setTimeout(60_000);

let world: FleetWorld;
beforeAll(async () => {
  world = await FleetWorld.start();
  await world.startWorker();
}, 60_000);
afterAll(async () => await world.close());
beforeEach(() => {
  world.cloud.faults.length = 0;
  world.hosts.sick.clear();
  world.hosts.onReach = async () => {};
  world.hosts.onConfigure = async () => {};
});
afterEach(async () => {
  // Whatever happened: nothing that costs money is left behind.
  const gateways = await world.store.fleet.gateways.list(world.organizationId);
  await Promise.all(gateways.map((gateway) => world.remove(gateway)));
  await eventually(async () => expect(await world.store.fleet.gateways.list(world.organizationId)).toEqual([]), 30_000);
  expect(world.cloud.present).toEqual([]);
  expect(await world.store.pool.replicas()).toEqual([]);
});

const running = async (gateway: { id: string }): Promise<void> => {
  await eventually(async () => expect(await world.gateway(gateway)).toMatchObject({ state: 'running' }));
};

test('a gateway is made of its replicas, each on a machine of its own, and all of it goes', async () => {
  const gateway = await world.create({ replicas: 3 });
  await running(gateway);
  const replicas = await world.replicas(gateway);
  expect(replicas.map(({ num, state }) => [num, state])).toEqual([0, 1, 2].map((num) => [num, 'running']));
  expect(world.cloud.present.map(({ instanceId }) => instanceId).sort()).toEqual(
    replicas.map(({ instanceId }) => instanceId).sort(),
  );
  const pool = await world.store.pool.replicas();
  expect(pool.map(({ id, address, ready }) => [id, address, ready]).sort()).toEqual(
    replicas.map(({ id, serves }) => [id, serves, true]).sort(),
  );
  for (const { id } of replicas)
    expect(await world.store.journal.run(provisionRunId(id))).toMatchObject({
      kind: 'fleet.provision',
      state: 'succeeded',
    });
  await world.remove(gateway);
  await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
  await world.temporal.client.workflow.getHandle(gatewayWorkflowId(gateway.id)).result();
  for (const { id } of replicas) await world.temporal.client.workflow.getHandle(replicaWorkflowId(id)).result();
  expect(await world.messages(gateway)).toEqual(
    expect.arrayContaining([
      'Gateway created. Status: SUBMITTED',
      'Gateway status changed SUBMITTED -> PROVISIONING',
      'Gateway replica created. Status: SUBMITTED',
      'Gateway replica status changed SUBMITTED -> PROVISIONING',
      'Gateway replica status changed PROVISIONING -> RUNNING',
      'Gateway status changed PROVISIONING -> RUNNING',
      'Gateway marked for deletion',
      'Gateway replica status changed RUNNING -> TERMINATING (Gateway is being deleted)',
      'Gateway deleted',
    ]),
  );
});

test('a backend that is not configured fails the gateway before anything is made', async () => {
  const gateway = await world.create({ region: 'elsewhere' });
  await eventually(async () =>
    expect(await world.gateway(gateway)).toMatchObject({ state: 'failed', statusMessage: 'Backend not available' }),
  );
  expect(await world.replicas(gateway)).toEqual([]);
});

test('a backend that refuses the machine ends the replica with its words, and fails the gateway', async () => {
  world.cloud.faults.push({
    call: 'create',
    when: 'before',
    error: new Failure('CLOUD_SPEC_REFUSED', 'no such image'),
  });
  const gateway = await world.create();
  await eventually(async () =>
    expect(await world.gateway(gateway)).toMatchObject({
      state: 'failed',
      statusMessage: 'Failed to provision gateway replica',
    }),
  );
  expect(world.cloud.faults).toEqual([]);
  await eventually(async () =>
    expect(await world.replicas(gateway)).toMatchObject([{ state: 'terminated', statusMessage: 'no such image' }]),
  );
});

test('an answer that is lost is no second machine', async () => {
  world.cloud.faults.push({ call: 'create', when: 'after', error: new Failure('CLOUD_OUTCOME_UNKNOWN') });
  const creates = world.cloud.calls.filter((call) => call === 'create').length;
  const gateway = await world.create();
  await running(gateway);
  expect(world.cloud.faults).toEqual([]);
  expect(world.cloud.calls.filter((call) => call === 'create').length - creates).toBe(1);
  expect(world.cloud.present).toHaveLength(1);
});

test('a machine that cannot be reached is destroyed after all attempts, which are counted', async () => {
  world.hosts.onReach = refused;
  const gateway = await world.create();
  await eventually(async () =>
    expect(await world.replicas(gateway)).toMatchObject([
      {
        state: 'terminated',
        statusMessage: 'Failed to connect to gateway',
        connectAttempts: world.policy.connectAttempts,
      },
    ]),
  );
  expect(world.cloud.present).toEqual([]);
});

test('deleting in the middle of a connect that hangs does not wait for it', async () => {
  world.hosts.onReach = never;
  const gateway = await world.create({ replicas: 2 });
  await eventually(async () =>
    expect((await world.replicas(gateway)).map(({ connectAttempts }) => connectAttempts)).toEqual([1, 1]),
  );
  await world.remove(gateway);
  await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
  expect(world.cloud.present).toEqual([]);
  const messages = await world.messages(gateway);
  expect(messages).toContain('Gateway replica status changed PROVISIONING -> TERMINATING (Gateway is being deleted)');
});

test('a replica that falls ill is taken out of the pool and replaced by another machine', async () => {
  const gateway = await world.create({ replicas: 2 });
  await running(gateway);
  const [ill, well] = await world.replicas(gateway);
  world.hosts.sick.add(ill!.serves!);
  await eventually(async () => {
    expect((await world.live(gateway)).map(({ num, state }) => [num, state])).toEqual([
      [1, 'running'],
      [2, 'running'], // the lowest number that was free while replica 0 was going
    ]);
  });
  expect((await world.replicas(gateway))[0]).toMatchObject({
    state: 'terminated',
    statusMessage: expect.stringMatching(/^Health check failed: .* no answer$/),
  });
  expect(world.cloud.present.map(({ instanceId }) => instanceId)).not.toContain(ill!.instanceId);
  expect(await world.store.pool.replicas()).toHaveLength(2);
  expect((await world.live(gateway))[0]!.id).toBe(well!.id);
  expect(await world.gateway(gateway)).toMatchObject({ state: 'running' });
});

test('scaling out and in is done in place', async () => {
  const gateway = await world.create({ replicas: 1 });
  await running(gateway);
  const scale = async (replicas: number): Promise<void> => {
    const { configuration } = (await world.gateway(gateway))!;
    await world.store.fleet.gateways.update(
      ...([
        world.organizationId,
        gateway.id,
        { configuration: { ...configuration, replicas } },
        { actor: null },
      ] as const),
    );
    await world.tell(gateway.id);
  };
  await scale(3);
  await eventually(async () =>
    expect((await world.live(gateway)).map(({ num, state }) => [num, state])).toEqual(
      [0, 1, 2].map((n) => [n, 'running']),
    ),
  );
  await scale(1);
  await eventually(async () => expect(await world.live(gateway)).toHaveLength(1));
  expect(world.cloud.present).toHaveLength(1);
  expect((await world.messages(gateway)).join('\n')).toContain('RUNNING -> TERMINATING (Scaled in)');
});
