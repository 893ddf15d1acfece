import { codesOf, failureOf, onBoth, range } from './on-both';

const route = (allocationId: string, hostname = `${allocationId}.test`) => ({
  allocationId,
  hostname,
  address: '127.0.2.1:80',
});

onBoth('routes', (databases) => {
  test('a repeat changes nothing, a removal leaves a tombstone, and a late write is refused', async () => {
    const { routes } = await databases.store();
    expect(await routes.head()).toBe(0);
    const written = await routes.write(route('a'));
    expect(await routes.write(route('a'))).toEqual(written);
    expect(await failureOf(routes.write({ ...route('a'), address: '127.0.2.2:80' }))).toMatchObject({
      code: 'CONFLICT',
    });
    const removed = await routes.remove('a');
    expect(removed.revision).toBeGreaterThan(written.revision);
    expect(await routes.remove('a')).toEqual(removed);
    expect(await failureOf(routes.write(route('a')))).toMatchObject({ code: 'ALLOCATION_GONE' });
    expect(await routes.route('a')).toEqual({ ...route('a'), removed: true, ...removed });
    const never = await routes.remove('b');
    expect(await failureOf(routes.write(route('b')))).toMatchObject({ code: 'ALLOCATION_GONE' });
    expect((await routes.changesSince(written.revision)).map((each) => [each.allocationId, each.removed])).toEqual([
      ['a', true],
      ['b', true],
    ]);
    expect(await routes.head()).toBe(never.revision);
    expect(await routes.changesSince(never.revision)).toEqual([]);
  });

  test('a host has one route, and is free again once that is removed', async () => {
    const { routes } = await databases.store();
    await routes.write(route('a', 'same.test'));
    expect(await failureOf(routes.write(route('b', 'same.test')))).toMatchObject({
      code: 'CONFLICT',
      data: { reason: 'HostTaken' },
    });
    expect(await routes.route('b')).toBeNull();
    await routes.remove('a');
    await routes.write(route('b', 'same.test'));
    const race = await Promise.allSettled(range(6).map((n) => routes.write(route(`c${n}`, 'raced.test'))));
    expect(codesOf(race)).toEqual(range(5).map(() => 'CONFLICT'));
  });

  test('a removed route comes back while its allocation is open, and not after', async () => {
    const { routes, pool } = await databases.store();
    const hold = { allocationId: 'a', organizationId: 'org-1', hostname: 'a.test', runId: 'run-1' };
    await pool.register({ id: 'r', name: 'r', secretHash: 'h' });
    await pool.announce({ id: 'r', secretHash: 'h', address: '127.0.2.1:80', servingEpoch: 0 });
    await pool.allocate(hold);
    expect(await failureOf(routes.restore('a'))).toMatchObject({ code: 'NOT_FOUND' });
    const written = await routes.write(route('a'));
    expect(await routes.restore('a')).toEqual(written);
    const removed = await routes.remove('a');
    const restored = await routes.restore('a');
    expect(restored.revision).toBeGreaterThan(removed.revision);
    expect(await routes.route('a')).toMatchObject({ ...route('a'), removed: false });
    await routes.remove('a');
    await pool.release(hold);
    expect(await failureOf(routes.restore('a'))).toMatchObject({ code: 'ALLOCATION_GONE' });
  });

  // It reads without a pause: that must not keep the writers from their turn either.
  test('a reader that asks for what came after the last revision it saw misses nothing', async () => {
    const url = await databases.migrated();
    const writers = [await databases.store(url), await databases.store(url)];
    const reader = await databases.store(url);
    const seen: number[] = [];
    let writing = true;
    const written = Promise.all(range(60).map((n) => writers[n % 2]!.routes.write(route(`a${n}`)))).finally(
      () => (writing = false),
    );
    for (let more = true; more;) {
      more = writing;
      for (const { revision } of await reader.routes.changesSince(seen.at(-1) ?? 0)) seen.push(revision);
    }
    const revisions = (await written).map(({ revision }) => revision);
    expect(new Set(revisions).size).toBe(60);
    expect(seen).toEqual([...revisions].sort((a, b) => a - b));
  });

  test('tombstones go when they are old and every edge has passed them', async () => {
    const { routes, edges, leases } = await databases.store();
    const lease = await leases.tryAcquire('edge/one', 'p', 60_000);
    await edges.register('one');
    await routes.write(route('live'));
    await routes.remove('gone');
    const { revision } = await routes.write(route('later'));
    expect(await routes.prune(-1_000)).toBe(0);
    await edges.recordLive('one', lease, {
      generation: await edges.claimGeneration('one', lease),
      revision,
      changes: 3,
    });
    expect(await routes.prune(60_000)).toBe(0);
    expect(await routes.prune(-1_000)).toBe(1);
    expect((await routes.changesSince(0)).map(({ allocationId }) => allocationId)).toEqual(['live', 'later']);
    expect(await routes.head()).toBe(revision);
  });
});
