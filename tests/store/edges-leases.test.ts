import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

const TTL_MS = 60_000;

onBoth('leases', (databases) => {
  test('of many who ask at once one gets it', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    for (const ask of ['tryAcquire', 'acquireOrSteal'] as const) {
      const outcomes = await Promise.allSettled(
        range(12).map((n) => stores[n % 2]!.leases[ask](ask, `holder-${n}`, TTL_MS)),
      );
      const [winner] = valuesOf(outcomes);
      expect(valuesOf(outcomes)).toHaveLength(1);
      expect(codesOf(outcomes)).toEqual(range(11).map(() => 'CONFLICT'));
      const refusal = await failureOf(stores[0]!.leases[ask](ask, 'late', TTL_MS));
      expect(refusal.data).toMatchObject({
        reason: 'AlreadyHeld',
        holder: winner!.holder,
        expiresAt: winner!.expiresAt,
      });
    }
  });

  test('of many who steal an expired one at once one gets it', async () => {
    const { leases } = await databases.store();
    const old = await leases.tryAcquire('x', 'A', -1);
    expect(await failureOf(leases.tryAcquire('x', 'B', TTL_MS))).toMatchObject({ code: 'CONFLICT' });
    const outcomes = await Promise.allSettled(range(6).map((n) => leases.trySteal('x', `thief-${n}`, TTL_MS)));
    expect(valuesOf(outcomes)).toHaveLength(1);
    expect(codesOf(outcomes)).toEqual(range(5).map(() => 'CONFLICT'));
    expect(await failureOf(leases.renew(old, TTL_MS))).toMatchObject({ code: 'CONFLICT' });
    await leases.release(old); // it was stolen: changes nothing
    expect(await leases.get('x')).toEqual(valuesOf(outcomes)[0]);
    expect(await failureOf(leases.trySteal('nobody', 'A', TTL_MS))).toMatchObject({ code: 'CONFLICT' });
  });

  test('the version rises over every acquire, renewal, steal and release', async () => {
    const { leases } = await databases.store();
    const first = await leases.tryAcquire('x', 'A', TTL_MS);
    const own = await leases.acquireOrSteal('x', 'A', TTL_MS);
    expect(own.acquiredAt).toEqual(first.acquiredAt);
    const renewed = await leases.renew(own, -1);
    const stolen = await leases.trySteal('x', 'B', TTL_MS);
    await leases.release(stolen);
    await leases.release(stolen);
    expect(await leases.get('x')).toBeNull();
    expect(await leases.list('')).toEqual([]);
    expect(await failureOf(leases.renew(stolen, TTL_MS))).toMatchObject({ code: 'CONFLICT' });
    const again = await leases.tryAcquire('x', 'A', TTL_MS);
    const versions = [first, own, renewed, stolen, again].map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  test('are listed by prefix', async () => {
    const { leases } = await databases.store();
    for (const name of ['worker/a', 'worker/b', 'edge/a']) await leases.tryAcquire(name, 'A', TTL_MS);
    expect((await leases.list('worker/')).map(({ name }) => name)).toEqual(['worker/a', 'worker/b']);
  });
});

onBoth('edges', (databases) => {
  test('generations are claimed by the holder of the lease only, each once', async () => {
    const url = await databases.migrated();
    const { edges, leases } = await databases.store(url);
    const other = await databases.store(url);
    const lease = await leases.tryAcquire('edge/one', 'A', TTL_MS);
    expect(await failureOf(edges.claimGeneration('one', lease))).toMatchObject({ code: 'NOT_FOUND' });
    await Promise.all([edges.register('one'), other.edges.register('one')]);
    expect(await edges.list()).toHaveLength(1);
    const claimed = await Promise.all(range(8).map((n) => (n % 2 ? edges : other.edges).claimGeneration('one', lease)));
    expect(claimed.sort((a, b) => a - b)).toEqual(range(8).map((n) => n + 1));
    expect(await edges.claimGeneration('one', lease, 40)).toBe(41);
    expect(await edges.claimGeneration('one', lease, 3)).toBe(42);
    const renewed = await leases.renew(lease, -1);
    expect(await failureOf(edges.claimGeneration('one', lease))).toMatchObject({ code: 'EDGE_FENCED' });
    const thief = await leases.trySteal('edge/one', 'B', TTL_MS);
    expect(await failureOf(edges.claimGeneration('one', renewed))).toMatchObject({ code: 'EDGE_FENCED' });
    expect(await edges.claimGeneration('one', thief)).toBe(43);
  });

  test('a publisher that lost its lease cannot record what another has overtaken', async () => {
    const { edges, leases } = await databases.store();
    await edges.register('one');
    const slow = await leases.tryAcquire('edge/one', 'slow', -1);
    const old = await edges.claimGeneration('one', slow);
    const quick = await leases.trySteal('edge/one', 'quick', TTL_MS);
    const generation = await edges.claimGeneration('one', quick);
    const recorded = await edges.recordLive('one', quick, { generation, revision: 7, changes: 5 });
    expect(recorded).toMatchObject({
      liveGeneration: generation,
      liveRevision: 7,
      reloads: 1,
      routesPublished: 5,
      behindSince: null,
    });
    expect(await failureOf(edges.recordLive('one', slow, { generation: old, revision: 9, changes: 1 }))).toMatchObject({
      code: 'EDGE_FENCED',
    });
    expect(await edges.get('one')).toEqual(recorded);
    const again = await edges.recordLive('one', quick, { generation, revision: 6, changes: 5 });
    expect(again).toMatchObject({ liveGeneration: generation, liveRevision: 7, reloads: 1, routesPublished: 5 });
    expect(await failureOf(edges.recordLive('one', quick, { generation: 99, revision: 1, changes: 1 }))).toMatchObject({
      code: 'EDGE_FENCED',
    });
  });

  test('being behind has a beginning that is kept until a generation is live', async () => {
    const { edges, leases } = await databases.store();
    await edges.register('one');
    const lease = await leases.tryAcquire('edge/one', 'A', TTL_MS);
    const first = await edges.markBehind('one', 'nginx is down');
    const second = await edges.markBehind('one', 'nginx refused it');
    expect(second).toMatchObject({ behindSince: first.behindSince, behindReason: 'nginx refused it' });
    expect(await edges.markBehind('one', 'nginx refused it')).toEqual(second);
    const generation = await edges.claimGeneration('one', lease);
    expect(await edges.recordLive('one', lease, { generation, revision: 1, changes: 1 })).toMatchObject({
      behindSince: null,
      behindReason: null,
    });
    expect(await failureOf(edges.markBehind('none', 'x'))).toMatchObject({ code: 'NOT_FOUND' });
    expect([await edges.remove('one'), await edges.remove('one')]).toEqual([true, false]);
    expect(await edges.get('one')).toBeNull();
  });
});
