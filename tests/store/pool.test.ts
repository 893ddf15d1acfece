import { randomUUID } from 'node:crypto';
import type { Store } from '../../prisma/store';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

async function replicas(store: Store, count: number): Promise<string[]> {
  const ids = range(count).map((n) => `replica-${n}`);
  for (const id of ids) await store.pool.register({ id, name: id, secretHash: `hash of ${id}` });
  for (const id of ids) await announce(store, id);
  return ids;
}

const announce = (store: Store, id: string, servingEpoch = 0) =>
  store.pool.announce({ id, secretHash: `hash of ${id}`, address: '127.0.2.1:8080', servingEpoch });

const hold = (allocationId: string, organizationId = `org of ${allocationId}`) => ({
  allocationId,
  organizationId,
  hostname: `${organizationId}.test`,
  runId: `run of ${allocationId}`,
});

async function replica(store: Store, id: string) {
  return (await store.pool.replicas()).find((each) => each.id === id)!;
}

onBoth('the pool', (databases) => {
  test('n+1 organizations on n replicas, from two processes: exactly one POOL_EMPTY, distinct replicas', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    await replicas(stores[0]!, 12);
    const outcomes = await Promise.allSettled(range(13).map((n) => stores[n % 2]!.pool.allocate(hold(randomUUID()))));
    expect(codesOf(outcomes)).toEqual(['POOL_EMPTY']);
    expect(new Set(valuesOf(outcomes).map(({ replicaId }) => replicaId)).size).toBe(12);
    const held = await stores[0]!.pool.replicas();
    const pairs = new Set(valuesOf(outcomes).map(({ id, replicaId, epoch }) => `${replicaId} ${id} ${epoch}`));
    expect(new Set(held.map(({ id, allocationId, epoch }) => `${id} ${allocationId} ${epoch}`))).toEqual(pairs);
  });

  test('as many organizations as replicas, again and again: never POOL_EMPTY, and every epoch rises by one', async () => {
    const store = await databases.store();
    await replicas(store, 6);
    for (const round of range(4)) {
      const made = await Promise.all(range(6).map(() => store.pool.allocate(hold(randomUUID()))));
      expect(made.map(({ epoch }) => epoch)).toEqual(range(6).map(() => round + 1));
      await Promise.all(made.map(({ id }) => store.pool.release(hold(id))));
    }
  });

  test('takes the replica that has been idle longest', async () => {
    const store = await databases.store();
    const ids = await replicas(store, 3);
    const first = await store.pool.allocate(hold('a'));
    const second = await store.pool.allocate(hold('b'));
    await store.pool.release(hold('b'));
    await store.pool.release(hold('a'));
    const third = await store.pool.allocate(hold('c'));
    expect(new Set([first, second, third].map(({ replicaId }) => replicaId))).toEqual(new Set(ids));
    expect((await store.pool.allocate(hold('d'))).replicaId).toBe(second.replicaId);
    expect((await store.pool.allocate(hold('e'))).replicaId).toBe(first.replicaId);
  });

  test('an organization has one open allocation, however many ask at once', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    await replicas(stores[0]!, 8);
    const ids = range(8).map(() => randomUUID());
    const outcomes = await Promise.allSettled(ids.map((id, n) => stores[n % 2]!.pool.allocate(hold(id, 'org-1'))));
    const [winner] = valuesOf(outcomes);
    expect(valuesOf(outcomes)).toHaveLength(1);
    expect(codesOf(outcomes)).toEqual(range(7).map(() => 'ALLOCATION_BUSY'));
    expect((await stores[0]!.pool.replicas()).filter(({ allocationId }) => allocationId !== null)).toHaveLength(1);
    expect((await failureOf(stores[0]!.pool.allocate(hold(randomUUID(), 'org-1')))).data).toEqual({
      allocationId: winner!.id,
      runId: winner!.runId,
      state: 'starting',
    });
    expect(await stores[0]!.pool.openAllocation('org-1')).toEqual(winner);
  });

  test('the same allocation again is answered the same, also when many ask at once and none is left', async () => {
    const store = await databases.store();
    await replicas(store, 1);
    const made = await Promise.all(range(6).map(() => store.pool.allocate(hold('a'))));
    expect(new Set(made.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(made[0]).toMatchObject({
      id: 'a',
      epoch: 1,
      address: '127.0.2.1:8080',
      state: 'starting',
      releasedAt: null,
    });
    expect(await failureOf(store.pool.allocate(hold('a', 'another')))).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('releasing is repeatable, and frees nothing that a later allocation holds', async () => {
    const store = await databases.store();
    const [id] = await replicas(store, 1);
    await store.pool.allocate(hold('a'));
    await store.pool.release(hold('a'));
    await store.pool.release(hold('a'));
    expect(await store.pool.allocation('a')).toMatchObject({
      state: 'released',
      releasedAt: expect.any(Date),
      resourceVersion: 2,
    });
    await store.pool.allocate(hold('b'));
    await store.pool.release(hold('a'));
    await store.pool.release({ ...hold('a'), quarantine: 'late' });
    expect(await replica(store, id!)).toMatchObject({ allocationId: 'b', epoch: 2, quarantinedAt: null });
    expect(await failureOf(store.pool.allocate(hold('a')))).toMatchObject({ code: 'ALLOCATION_GONE' });
  });

  test('a release of what never happened keeps a late allocate from succeeding', async () => {
    const store = await databases.store();
    const [id] = await replicas(store, 1);
    await store.pool.release(hold('a'));
    await store.pool.release({ ...hold('a'), quarantine: 'still' });
    expect(await failureOf(store.pool.allocate(hold('a')))).toMatchObject({ code: 'ALLOCATION_GONE' });
    expect(await replica(store, id!)).toMatchObject({ allocationId: null, epoch: 0, quarantinedAt: null });
    expect(await store.pool.allocation('a')).toBeNull();
    expect(await store.pool.allocations({ limit: 10 })).toEqual([]);
  });

  test('an allocate and its release at once leave either nothing held or nothing at all', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const ids = await replicas(stores[0]!, 10);
    await Promise.all(
      ids.map(async (id) => {
        const allocated = stores[0]!.pool
          .allocate(hold(id))
          .catch((error: { code: string }) => expect(error.code).toBe('ALLOCATION_GONE'));
        await Promise.all([allocated, stores[1]!.pool.release(hold(id))]);
      }),
    );
    for (const id of ids)
      expect(await failureOf(stores[0]!.pool.allocate(hold(id)))).toMatchObject({ code: 'ALLOCATION_GONE' });
    expect((await stores[0]!.pool.replicas()).filter(({ allocationId }) => allocationId !== null)).toEqual([]);
  });

  test('a quarantine is set by a release, lifted by its repeat, and by no other', async () => {
    const store = await databases.store();
    const [id] = await replicas(store, 1);
    await store.pool.allocate(hold('a'));
    await store.pool.release({ ...hold('a'), quarantine: 'dns could not be taken back' });
    expect(await replica(store, id!)).toMatchObject({
      allocationId: null,
      quarantineReason: 'dns could not be taken back',
    });
    expect(await failureOf(store.pool.allocate(hold('b')))).toMatchObject({ code: 'POOL_EMPTY' });
    await store.pool.release(hold('never'));
    expect((await replica(store, id!)).quarantinedAt).not.toBeNull();
    await store.pool.release(hold('a'));
    expect((await replica(store, id!)).quarantinedAt).toBeNull();
    await store.pool.quarantine(id!, 'a person says so');
    await store.pool.release(hold('a'));
    expect(await replica(store, id!)).toMatchObject({ quarantineReason: 'a person says so' });
    expect((await store.pool.readmit(id!)).quarantinedAt).toBeNull();
    await store.pool.allocate(hold('c'));
    await store.pool.quarantine(id!, 'while it is held');
    expect(await failureOf(store.pool.readmit(id!))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { allocationId: 'c' },
    });
    await store.pool.release(hold('c'));
    expect(await replica(store, id!)).toMatchObject({ allocationId: null, quarantineReason: 'while it is held' });
    expect(await failureOf(store.pool.quarantine('nobody', 'x'))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a repeated release gives the quarantine that it set its present reason, and no other’s', async () => {
    const store = await databases.store();
    const [id] = await replicas(store, 1);
    await store.pool.allocate(hold('a'));
    await store.pool.release({ ...hold('a'), quarantine: 'dns, route could not be taken back' });
    const first = await replica(store, id!);
    await store.pool.release({ ...hold('a'), quarantine: 'route could not be taken back' });
    const second = await replica(store, id!);
    expect(second).toEqual({
      ...first,
      quarantineReason: 'route could not be taken back',
      resourceVersion: first.resourceVersion + 1,
    });
    await store.pool.release({ ...hold('a'), quarantine: 'route could not be taken back' });
    expect(await replica(store, id!)).toEqual(second);
    await store.pool.quarantine(id!, 'a person says so');
    await store.pool.release({ ...hold('a'), quarantine: 'dns could not be taken back' });
    expect((await replica(store, id!)).quarantineReason).toBe('a person says so');
  });

  test('an announcement proves itself, ends a quarantine, and never lowers an epoch', async () => {
    const store = await databases.store();
    await store.pool.register({ id: 'r', name: 'one', secretHash: 'hash of r' });
    expect((await store.pool.register({ id: 'r', name: 'one', secretHash: 'hash of r' })).resourceVersion).toBe(1);
    expect(await failureOf(store.pool.allocate(hold('early')))).toMatchObject({ code: 'POOL_EMPTY' });
    const wrong = await failureOf(
      store.pool.announce({ id: 'r', secretHash: 'hash of x', address: '127.0.2.1:1', servingEpoch: 0 }),
    );
    const unknown = await failureOf(
      store.pool.announce({ id: 'x', secretHash: 'hash of x', address: '127.0.2.1:1', servingEpoch: 0 }),
    );
    expect(wrong).toMatchObject({ code: 'FORBIDDEN', message: unknown.message });
    expect(unknown.code).toBe('FORBIDDEN');
    const up = await announce(store, 'r', 7); // it has served more than this store knows
    expect(up).toMatchObject({ ready: true, epoch: 7, address: '127.0.2.1:8080' });
    expect((await announce(store, 'r', 3)).resourceVersion).toBe(up.resourceVersion);
    expect((await store.pool.allocate(hold('a'))).epoch).toBe(8);
    await store.pool.quarantine('r', 'held and ill');
    expect((await announce(store, 'r')).quarantinedAt).not.toBeNull();
    await store.pool.release(hold('a'));
    expect((await announce(store, 'r')).quarantinedAt).toBeNull();
  });

  test('an announcement does not end a quarantine while an edge may still send the old allocation’s traffic', async () => {
    const store = await databases.store();
    await replicas(store, 1);
    await store.edges.register('edge-1');
    const lease = await store.leases.tryAcquire('edge/edge-1', 'publisher', 60_000);
    await store.pool.allocate(hold('a'));
    await store.routes.write({ allocationId: 'a', hostname: 'a.test', address: '127.0.2.1:8080' });
    await store.pool.release({ ...hold('a'), quarantine: 'route could not be taken back' });
    expect((await announce(store, 'replica-0')).quarantinedAt).not.toBeNull();
    const { revision } = await store.routes.remove('a');
    expect((await announce(store, 'replica-0')).quarantinedAt).not.toBeNull(); // removed, and not yet on the edge
    const generation = await store.edges.claimGeneration('edge-1', lease);
    await store.edges.recordLive('edge-1', lease, { generation, revision, changes: 1 });
    expect((await announce(store, 'replica-0')).quarantinedAt).toBeNull();
  });

  test('an allocation moves only from where it is said to be', async () => {
    const store = await databases.store();
    await replicas(store, 1);
    await store.pool.allocate(hold('a'));
    expect(await store.pool.move('a', ['starting'], 'live')).toMatchObject({ state: 'live', resourceVersion: 2 });
    expect(await store.pool.move('a', ['starting'], 'live')).toMatchObject({ state: 'live', resourceVersion: 2 });
    expect(await failureOf(store.pool.move('a', ['stopping'], 'starting'))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { state: 'live' },
    });
    expect(await failureOf(store.pool.move('b', ['starting'], 'live'))).toMatchObject({ code: 'NOT_FOUND' });
    await store.pool.release(hold('a'));
    expect(await failureOf(store.pool.move('a', ['live'], 'stopping'))).toMatchObject({
      code: 'STATE_CONFLICT',
      data: { state: 'released' },
    });
  });

  test('allocations come newest first, in pages', async () => {
    const store = await databases.store();
    await replicas(store, 3);
    for (const id of ['a', 'b', 'c']) await store.pool.allocate(hold(id));
    await store.pool.release(hold('b'));
    const page = await store.pool.allocations({ limit: 2 });
    const rest = await store.pool.allocations({ limit: 2, before: page[1]!.id });
    const all = [...page, ...rest];
    expect(new Set(all.map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c']));
    const times = all.map(({ createdAt }) => createdAt.getTime());
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect((await store.pool.allocations({ open: true, limit: 9 })).map(({ id }) => id).sort()).toEqual(['a', 'c']);
    expect((await store.pool.allocations({ open: false, limit: 9 })).map(({ id }) => id)).toEqual(['b']);
    expect((await store.pool.allocations({ organizationId: 'org of c', limit: 9 })).map(({ id }) => id)).toEqual(['c']);
  });
});
