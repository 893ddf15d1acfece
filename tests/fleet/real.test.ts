import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { RealFleet } from './support/real';

/*
 * A gateway's life on the real thing: the command line, the API, a worker, Temporal, nginx, PowerDNS, and machines that
 * are containers of a real engine, reached over SSH. Every claim is asked of whoever holds it: the engine, the store, the
 * edges, DNS.
 */

jest.setTimeout(180_000);

const name = 'real';
const tenant = randomUUID();
let fleet: RealFleet;
beforeAll(async () => {
  fleet = await RealFleet.start();
}, 300_000);
afterAll(() => fleet?.close());

const start = async (organizationId: string) =>
  await fleet.running.call('POST', '/gateway/start', { organization_id: organizationId });
const stop = async (organizationId: string) =>
  await fleet.running.call('POST', '/gateway/stop', { organization_id: organizationId });

/** The engine, the store and the pool agree that there are these many replicas, and that all of them run. */
async function agreed(count: number): Promise<void> {
  const [containers, replicas, pool] = [
    await fleet.containers(),
    await fleet.live(name),
    await fleet.running.store.pool.replicas(),
  ];
  expect(replicas.map(({ state }) => state)).toEqual(Array.from({ length: count }, () => 'running'));
  expect(containers.map(({ state }) => state)).toEqual(Array.from({ length: count }, () => 'running'));
  const made = (list: readonly { instance: string | null; replica: string }[]): string[] =>
    list.map(({ instance, replica }) => `${replica} ${instance}`).sort();
  expect(made(containers.map(({ id, replicaId }) => ({ instance: id, replica: replicaId })))).toEqual(
    made(replicas.map(({ id, instanceId }) => ({ instance: instanceId, replica: id }))),
  );
  expect(pool.map(({ id, ready, withdrawnAt }) => ({ id, ready, withdrawnAt }))).toEqual(
    expect.arrayContaining(replicas.map(({ id }) => ({ id, ready: true, withdrawnAt: null }))),
  );
  expect(pool).toHaveLength(count);
}

/** An organization is served by one replica, through every edge and by its name. @returns that replica. */
async function servedBy(organizationId: string): Promise<string> {
  const replicas = new Set(await fleet.answering(organizationId));
  expect(replicas.size).toBe(1);
  const [replica] = [...replicas];
  expect((await fleet.live(name)).map(({ id }) => id)).toContain(replica);
  expect(await fleet.addresses(organizationId)).toEqual([fleet.running.environment.settings.edgeIp]);
  return replica!;
}

test('apply makes three containers, which organizations are given until there are no more', async () => {
  await fleet.apply({ name, replicas: 3 });
  await agreed(3);
  const others = [randomUUID(), randomUUID()];
  for (const organizationId of [tenant, ...others]) expect(await start(organizationId)).toMatchObject({ status: 200 });
  const serving = await Promise.all([tenant, ...others].map(servedBy));
  expect(new Set(serving).size).toBe(3);
  expect(await start(randomUUID())).toMatchObject({ status: 503 });
  for (const organizationId of others) expect(await stop(organizationId)).toMatchObject({ status: 200 });
});

test('a container that is killed is replaced, and its organization is served by another replica', async () => {
  const before = await servedBy(tenant);
  const killed = (await fleet.containers()).find(({ replicaId }) => replicaId === before)!;
  await fleet.kill(killed.id);
  await eventually(async () => {
    expect(await servedBy(tenant)).not.toBe(before);
    await agreed(3);
  }, 60_000);
  expect((await fleet.containers()).map(({ id }) => id)).not.toContain(killed.id);
  const { body } = await fleet.running.call('GET', `/v1/organizations/${fleet.organizationId}/gateways/${name}`);
  expect(body).toMatchObject({ state: 'running' });
});

test('another profile is configured on the machines that are there, and whoever is served stays so', async () => {
  const serving = await servedBy(tenant);
  const before = await fleet.containers();
  await fleet.pushProfile('team', 'first');
  await fleet.apply({ name, replicas: 3, profile: 'team' });
  expect(await fleet.containers()).toEqual(expect.arrayContaining(before));
  await agreed(3);
  for (const { id } of before) expect(await fleet.file(id, 'motto')).toBe('first');
  expect(await servedBy(tenant)).toBe(serving);
});

test('a profile whose script fails stops at the first machine and is taken back there', async () => {
  const serving = await servedBy(tenant);
  await fleet.pushProfile('team', 'second', 'touch "$GATEWRIGHT_ROOT/tried"; exit 7');
  await fleet.apply({ name, replicas: 3, profile: 'team' }, '--no-wait');
  await eventually(async () => {
    const { body } = await fleet.running.call('GET', '/runs?kind=fleet.rollout');
    const [last] = body['runs'] as { state: string }[];
    expect(last).toMatchObject({ state: 'rolled_back' });
  }, 60_000);
  const containers = await fleet.containers();
  const tried = await Promise.all(containers.map(({ id }) => fleet.file(id, 'tried')));
  expect(tried.filter((file) => file !== null)).toHaveLength(1);
  for (const { id } of containers) expect(await fleet.file(id, 'motto')).toBe('first');
  await agreed(3);
  expect(await servedBy(tenant)).toBe(serving);
});

test('scaling to five and to one keeps whoever is served', async () => {
  const serving = await servedBy(tenant);
  await fleet.cli('gateway', 'scale', name, '5');
  await agreed(5);
  expect(await servedBy(tenant)).toBe(serving);
  await fleet.cli('gateway', 'scale', name, '1');
  await agreed(1);
  expect(await servedBy(tenant)).toBe(serving);
});

test('deleted, nothing is left in the engine, the store, DNS and the edges', async () => {
  expect(await stop(tenant)).toMatchObject({ status: 200 });
  await fleet.cli('gateway', 'delete', name, '-y');
  expect(await fleet.containers()).toEqual([]);
  const { store } = fleet.running;
  expect(await store.fleet.gateways.list(fleet.organizationId)).toEqual([]);
  expect(await store.fleet.replicas.live()).toEqual([]);
  expect(await store.pool.allocations({ open: true, limit: 10 })).toEqual([]);
  const { dns, edges, pool } = await fleet.running.snapshot();
  expect({ dns, pool }).toEqual({ dns: [], pool: [] });
  expect(edges.map(({ routes }) => routes)).toEqual(edges.map(() => []));
  expect(await fleet.addresses(tenant)).toEqual([]);
  expect(await fleet.answering(tenant)).toEqual(edges.map(() => 'status 421'));
});
