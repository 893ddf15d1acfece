import { randomUUID } from 'node:crypto';
import type { FleetReplica } from '../../domain/fleet/gateway';
import type { Store } from '../../prisma/store';
import { configuration, fleetOn, organizationId } from './fleet-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

const hold = (allocationId: string, organization = `org of ${allocationId}`) => ({
  allocationId,
  organizationId: organization,
  hostname: `${organization}.test`,
  runId: `run of ${allocationId}`,
});

const joining = (replica: FleetReplica) => ({
  name: `edge-${replica.num}`,
  secretHash: `hash of ${replica.id}`,
  address: '127.0.2.9:8080',
});

async function place(store: Store, id: string) {
  return (await store.pool.replicas()).find((replica) => replica.id === id);
}

onBoth('replicas of gateways', (databases) => {
  const provisioning = async (store: Store) => {
    const world = fleetOn(store);
    const gateway = await world.create();
    const [replica] = (await world.reconcile(gateway)).replicas;
    return { world, gateway, replica: replica! };
  };

  test('move by the table alone; a repeated move changes nothing', async () => {
    const store = await databases.store();
    const { replica } = await provisioning(store);
    const { replicas } = store.fleet;
    const key = [organizationId, replica.id] as const;
    expect(await failureOf(replicas.join(...key, joining(replica)))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { state: 'submitted', allowed: ['provision', 'retire', 'drop'] },
    });
    expect((await failureOf(replicas.move(...key, 'end'))).code).toBe('STATE_CONFLICT');
    await replicas.note(...key, { createPendingAt: new Date() });
    // From now on it may have a machine.
    expect(await failureOf(replicas.move(...key, 'drop'))).toMatchObject({ code: 'STATE_CONFLICT' });
    const ssh = { host: '127.0.2.9', port: 22, user: 'root' };
    const provisioned = await replicas.move(...key, 'provision', { instanceId: 'i-1', ssh });
    expect(provisioned).toMatchObject({ state: 'provisioning', instanceId: 'i-1', ssh });
    expect(await replicas.move(...key, 'provision', { instanceId: 'i-2' })).toEqual(provisioned);
    const retired = await replicas.move(...key, 'retire', { statusMessage: 'Failed to connect to gateway' });
    expect((await failureOf(replicas.move(...key, 'provision'))).code).toBe('STATE_CONFLICT');
    const ended = await replicas.move(...key, 'end');
    expect(ended).toMatchObject({ state: 'terminated', statusMessage: 'Failed to connect to gateway' });
    expect(ended.terminatedAt).not.toBeNull();
    expect(await replicas.move(...key, 'end')).toEqual(ended);
    expect((await failureOf(replicas.move(...key, 'retire'))).code).toBe('STATE_CONFLICT');
    expect(ended.resourceVersion).toBe(retired.resourceVersion + 1);
    const events = await store.fleet.events.page({ organizationId, replicas: [replica.id], limit: 10 });
    expect(events.map(({ message }) => message)).toEqual([
      'Gateway replica created. Status: SUBMITTED',
      'Gateway replica status changed SUBMITTED -> PROVISIONING',
      'Gateway replica status changed PROVISIONING -> TERMINATING (Failed to connect to gateway)',
      'Gateway replica status changed TERMINATING -> TERMINATED (Failed to connect to gateway)',
    ]);
    expect(events[0]!.targets).toEqual([{ type: 'gateway-replica', id: replica.id, name: 'edge-0' }]);
  });

  test('of the same move many times at once one is made, with one event', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const { replica } = await provisioning(stores[0]!);
    const outcomes = await Promise.allSettled(
      range(8).map((n) => stores[n % 2]!.fleet.replicas.move(organizationId, replica.id, 'provision')),
    );
    expect(codesOf(outcomes)).toEqual([]);
    expect(new Set(valuesOf(outcomes).map(({ resourceVersion }) => resourceVersion))).toEqual(new Set([2]));
    expect(await stores[0]!.fleet.events.page({ organizationId, replicas: [replica.id], limit: 10 })).toHaveLength(2);
  });

  test('join the pool in the moment in which they run, and only while they are wanted', async () => {
    const store = await databases.store();
    const { world, gateway, replica } = await provisioning(store);
    await world.bring(replica, 'provisioning');
    await store.fleet.gateways.markForDeletion(organizationId, gateway.id, { actor: null });
    expect(await failureOf(store.fleet.replicas.join(organizationId, replica.id, joining(replica)))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { allowed: ['retire'] },
    });
    expect(await store.pool.replicas()).toEqual([]);

    const second = await world.create({ name: 'second' });
    const [wanted] = (await world.reconcile(second)).replicas;
    await world.bring(wanted!, 'provisioning');
    const join = joining(wanted!);
    const joined = await store.fleet.replicas.join(organizationId, wanted!.id, join);
    expect(joined).toMatchObject({ state: 'running', serves: join.address });
    expect(joined.runningAt).not.toBeNull();
    expect(await place(store, wanted!.id)).toMatchObject({ ready: true, address: join.address, allocationId: null });
    expect(await store.fleet.replicas.join(organizationId, wanted!.id, join)).toEqual(joined);
    // Its agent announces itself with the secret that it was given.
    const announced = { id: wanted!.id, secretHash: join.secretHash, address: join.address, servingEpoch: 0 };
    expect(await store.pool.announce(announced)).toMatchObject({ ready: true });
    expect((await store.pool.allocate(hold('a'))).replicaId).toBe(wanted!.id);
  });

  test('that go are given to nobody, and stay in the pool for as long as somebody holds them', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.running();
    const [replica] = await world.replicas(gateway);
    const id = replica!.id;
    await store.pool.allocate(hold('a'));
    await store.fleet.replicas.move(organizationId, id, 'retire', { statusMessage: 'Health check failed' });
    expect(await failureOf(store.pool.unregister(id))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { allocationId: 'a' },
    });
    await store.pool.release(hold('a'));
    expect((await failureOf(store.pool.allocate(hold('b')))).code).toBe('POOL_EMPTY');
    // Neither its agent's word nor a person's puts it back.
    const word = { id, secretHash: `hash of ${id}`, address: '127.0.2.1:8080', servingEpoch: 0 };
    await store.pool.announce(word);
    await store.pool.readmit(id);
    expect((await failureOf(store.pool.allocate(hold('c')))).code).toBe('POOL_EMPTY');
    expect(await store.pool.unregister(id)).toBe(true);
    expect(await store.pool.unregister(id)).toBe(false);
    expect((await failureOf(store.pool.announce(word))).code).toBe('FORBIDDEN');
  });

  test('leave the pool with an allocation only when that is being moved', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const [replica] = await world.replicas(await world.running());
    await store.pool.withdraw(replica!.id);
    const withdrawn = await place(store, replica!.id);
    expect(withdrawn!.withdrawnAt).not.toBeNull();
    await store.pool.withdraw(replica!.id);
    await store.pool.withdraw('nobody');
    expect(await place(store, replica!.id)).toEqual(withdrawn);

    await store.fleet.replicas.move(organizationId, replica!.id, 'retire');
    const other = await world.running({ name: 'other' });
    const [held] = await world.replicas(other);
    await store.pool.allocate(hold('a'));
    expect((await failureOf(store.pool.unregister(held!.id, 'b'))).code).toBe('STATE_CONFLICT');
    expect(await store.pool.unregister(held!.id, 'a')).toBe(true);
    await store.pool.release(hold('a'));
    expect(await place(store, held!.id)).toBeUndefined();
  });

  test('are scaled in or given to an organization, never both', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const worlds = stores.map(fleetOn);
    let scaled = 0;
    let refused = 0;
    for (const round of range(4)) {
      const gateway = await worlds[0]!.running({ name: `edge${round}`, replicas: 2, certificate: null });
      const { gateways } = stores[0]!.fleet;
      await gateways.update(
        organizationId,
        gateway.id,
        { configuration: configuration({ name: `edge${round}`, replicas: 1, certificate: null }) },
        { actor: null },
      );
      const [first, second, looked] = await Promise.allSettled([
        stores[1]!.pool.allocate(hold(`a${round}`)),
        stores[1]!.pool.allocate(hold(`b${round}`)),
        worlds[0]!.reconcile(gateway),
      ]);
      expect(looked.status).toBe('fulfilled');
      const holders = valuesOf([first, second]).map(({ replicaId }) => replicaId);
      const marked = (await worlds[0]!.replicas(gateway)).filter(({ scaleIn }) => scaleIn);
      expect(marked.length).toBeLessThanOrEqual(1);
      for (const { id } of marked) expect(holders).not.toContain(id);
      expect(holders.length + marked.length).toBe(2);
      scaled += marked.length;
      refused += codesOf([first, second]).filter((code) => code === 'POOL_EMPTY').length;
      for (const name of ['a', 'b']) await stores[0]!.pool.release(hold(`${name}${round}`));
      for (const { id } of await worlds[0]!.replicas(gateway)) await stores[0]!.pool.unregister(id);
    }
    expect(scaled).toBe(refused);
  });

  test('a gateway keeps the last TERMINATED of each number, and counts generations on', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.running();
    for (const generation of [1, 2, 3]) {
      const live = (await world.replicas(gateway)).find(({ state }) => state !== 'terminated')!;
      expect(live).toMatchObject({ num: 0, generation });
      if (generation > 1) await world.bring(live, 'running');
      await store.fleet.replicas.move(organizationId, live.id, 'retire');
      await store.pool.unregister(live.id);
      await store.fleet.replicas.move(organizationId, live.id, 'end');
      await world.reconcile(gateway, { policy: { scaleOutDelaysMs: [0] } });
    }
    expect((await world.replicas(gateway)).map(({ generation, state }) => [generation, state])).toEqual([
      [3, 'terminated'],
      [4, 'submitted'],
    ]);
    expect((await store.fleet.replicas.live()).map(({ generation }) => generation)).toEqual([4]);
  });

  test('failed checks are counted until one passes, attempts to connect for ever', async () => {
    const store = await databases.store();
    const { replica } = await provisioning(store);
    const { replicas } = store.fleet;
    const counts = await Promise.all(range(5).map(() => replicas.countConnectAttempt(organizationId, replica.id)));
    expect(counts.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(await replicas.countHealth(organizationId, replica.id, false)).toBe(1);
    expect(await replicas.countHealth(organizationId, replica.id, false)).toBe(2);
    expect(await replicas.countHealth(organizationId, replica.id, true)).toBe(0);
    const before = await replicas.get(organizationId, replica.id);
    expect(await replicas.countHealth(organizationId, replica.id, true)).toBe(0);
    expect(await replicas.get(organizationId, replica.id)).toEqual(before);
    expect(await replicas.countHealth(organizationId, replica.id, false)).toBe(1);
    expect((await failureOf(replicas.countHealth(organizationId, randomUUID(), true))).code).toBe('NOT_FOUND');
  });
});
