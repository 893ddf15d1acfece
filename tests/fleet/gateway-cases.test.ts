import { EventEmitter, once } from 'node:events';
import { retireRunId } from '../../domain/fleet/contract';
import type { FleetReplica } from '../../domain/fleet/gateway';
import { Failure } from '../../domain/failures';
import { resolveUpdate } from '../../workflows/saga/messages';
import { readCases, type Case } from '../support/cases';
import { eventually } from '../support/eventually';
import { refused } from './support/fake-hosts';
import { FleetWorld, testFleetPolicy } from './support/world';

/*
 * Rows of gateway_cases.json that count calls of a backend, or outlive a worker: on a real Temporal. What else they
 * expect is asked by tests/store/gateway-cases.test.ts.
 */

jest.setTimeout(60_000);

interface Row extends Case {
  readonly given: { readonly attempts_before?: number };
  readonly expected: Readonly<Record<string, unknown>>;
}
const rows = readCases<Row>('gateway_cases.json');

let world: FleetWorld;
beforeAll(async () => {
  world = await FleetWorld.start({ ...testFleetPolicy, connectAttempts: 40 });
  await world.startWorker();
}, 60_000);
afterEach(async () => {
  world.hosts.onReach = async () => {};
  world.cloud.before = async () => {};
  for (const gateway of await world.store.fleet.gateways.list(world.organizationId)) await world.remove(gateway);
  await eventually(async () => expect(await world.store.fleet.gateways.list(world.organizationId)).toEqual([]), 30_000);
  expect(world.cloud.present).toEqual([]);
});
afterAll(() => world.close());

const replica = async (gateway: { id: string }): Promise<FleetReplica> => (await world.replicas(gateway))[0]!;
const calls = (name: string): number => world.cloud.calls.filter((call) => call === name).length;

/** What each of these rows means to the workflows; those that `CASES_DIR` does not have are not run. */
const meanings: Readonly<Record<string, (row: Row) => Promise<void>>> = {
  'worker restart in the middle of connect keeps the attempt count': async ({ given: { attempts_before: before } }) => {
    world.hosts.onReach = refused;
    const gateway = await world.create();
    await eventually(async () => expect((await replica(gateway)).connectAttempts).toBeGreaterThanOrEqual(before!));
    await world.stopWorker();
    const { connectAttempts: atRestart } = await replica(gateway);
    world.hosts.onReach = async () => {};
    await world.startWorker();
    await eventually(async () => expect(await replica(gateway)).toMatchObject({ state: 'running' }));
    expect((await replica(gateway)).connectAttempts).toBeGreaterThan(atRestart);
  },

  'delete while SUBMITTED: no instance is ever created': async ({ expected }) => {
    const before = calls('create');
    await world.stopWorker();
    const gateway = await world.create({ replicas: 2 });
    await world.remove(gateway);
    await world.startWorker();
    await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
    expect(calls('create') - before).toBe(expected['create_gateway_calls']);
  },

  'test_provisioning_to_terminating_if_gateway_needs_cleanup[running,to_be_deleted=True]': async ({ expected }) => {
    const held = new EventEmitter();
    // PROVISIONING: its machine is there, and its address is being waited for.
    world.cloud.before = async (call) => (call === 'get' ? void (await once(held, 'let go')) : undefined);
    const reached = world.hosts.reached;
    const gateway = await world.create();
    try {
      await eventually(async () => expect(await replica(gateway)).toMatchObject({ state: 'provisioning' }));
      await world.remove(gateway);
      await eventually(async () => expect(await replica(gateway)).toMatchObject({ state: 'terminating' }));
    } finally {
      world.cloud.before = async () => {};
      held.emit('let go');
    }
    await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
    expect(world.hosts.reached - reached).toBe(expected['connect_calls']);
  },

  test_terminating_to_terminated: async ({ expected }) => {
    const gateway = await world.create();
    await eventually(async () => expect(await replica(gateway)).toMatchObject({ state: 'running' }));
    const { serves, id } = await replica(gateway);
    expect((await world.store.pool.replicas()).map(({ address }) => address)).toEqual([serves]);
    const before = calls('terminate');
    await world.remove(gateway);
    await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
    expect(calls('terminate') - before).toBe(expected['terminate_gateway_calls']);
    expect((await world.store.pool.replicas()).map((each) => each.id)).not.toContain(id);
  },

  // Left out as it stands, for it leaks the machine: here what it protects, which is that nobody waits for ever unseen.
  test_terminating_to_terminated_if_backend_not_available: async () => {
    const gateway = await world.create();
    await eventually(async () => expect(await replica(gateway)).toMatchObject({ state: 'running' }));
    world.cloud.before = (call) =>
      call === 'terminate'
        ? Promise.reject(new Failure('CLOUD_UNAVAILABLE', 'no route to the backend'))
        : Promise.resolve();
    await world.remove(gateway);
    const { id } = await replica(gateway);
    const run = retireRunId(id);
    await eventually(async () =>
      expect(await world.store.journal.run(run)).toMatchObject({ state: 'needs_attention' }),
    );
    expect(await replica(gateway)).toMatchObject({ state: 'terminating' });
    expect(world.cloud.present).toHaveLength(1);
    world.cloud.before = async () => {};
    const decision = { step: 'destroy', action: 'retry', reason: 'the backend is back', by: 'test' } as const;
    await world.temporal.client.workflow.getHandle(run).executeUpdate(resolveUpdate, { args: [decision] });
    await eventually(async () => expect(await world.gateway(gateway)).toBeNull());
    expect(world.cloud.present).toEqual([]);
  },
};

const known = rows.filter(({ name }) => meanings[name]);

test.each(known.map((row) => [row.name, row] as const))('%s', async (name, row) => {
  await meanings[name]!(row);
});
