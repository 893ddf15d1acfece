import { randomUUID } from 'node:crypto';
import { fleetOn, organizationId } from './fleet-world';
import { onBoth, range } from './on-both';

const other = '6b7a2f50-2f0e-4a52-8f6c-0e6f1a9b3d02';

onBoth('events of gateways', (databases) => {
  test('are in commit order without gaps, however many write at once', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const gateways = await Promise.all(range(6).map((n) => fleetOn(stores[n % 2]!).create({ name: `edge${n}` })));
    await Promise.all(gateways.map((gateway, n) => fleetOn(stores[n % 2]!).reconcile(gateway)));
    const events = await stores[0]!.fleet.events.page({ organizationId, limit: 100 });
    expect(events.map(({ seq }) => seq)).toEqual(range(events.length).map((n) => n + 1));
    expect(events.length).toBe(6 * 3 + 1); // created, changed, replica created; one is the default
  });

  test('are paged by position in both directions, and filtered by what they are about', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const [one, two] = [await world.running({ name: 'one' }), await world.running({ name: 'two' })];
    const [replica] = await world.replicas(one);
    const { events } = store.fleet;
    const all = await events.page({ organizationId, limit: 100 });
    const first = await events.page({ organizationId, limit: 4 });
    const rest = await events.page({ organizationId, cursor: first.at(-1)!.seq, limit: 100 });
    expect([...first, ...rest]).toEqual(all);
    const newest = await events.page({ organizationId, descending: true, limit: 3 });
    const older = await events.page({ organizationId, descending: true, cursor: newest.at(-1)!.seq, limit: 100 });
    expect([...newest, ...older]).toEqual([...all].reverse());
    const own = await events.page({ organizationId, gateways: [one.id], limit: 100 });
    expect(own).toEqual(all.filter((event) => event.gatewayId === one.id && event.replicaId === null));
    const within = await events.page({ organizationId, within: [one.id], limit: 100 });
    expect(within).toEqual(all.filter((event) => event.gatewayId === one.id));
    expect(within.length).toBeGreaterThan(own.length);
    const either = await events.page({ organizationId, gateways: [two.id], replicas: [replica!.id], limit: 100 });
    expect(either).toEqual(
      all.filter((event) => event.replicaId === replica!.id || (event.gatewayId === two.id && !event.replicaId)),
    );
    expect(await events.page({ organizationId, gateways: [], limit: 100 })).toEqual([]);
    const since = all.at(-1)!.recordedAt;
    const recent = await events.page({ organizationId, recordedAt: since, limit: 100 });
    expect(recent).toEqual(all.filter(({ recordedAt }) => recordedAt >= since));
    expect(await events.seqOf(organizationId, all[2]!.id)).toBe(all[2]!.seq);
    expect(await events.seqOf(other, all[2]!.id)).toBeNull();
  });

  test('can be added to, with what they are about', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.running();
    const [replica] = await world.replicas(gateway);
    const added = await store.fleet.events.add({
      organizationId,
      gatewayId: gateway.id,
      replicaId: replica!.id,
      message: 'somebody looked',
      actor: 'ada',
    });
    expect(added.targets).toEqual([{ type: 'gateway-replica', id: replica!.id, name: 'edge-0' }]);
    const [newest] = await store.fleet.events.page({ organizationId, descending: true, limit: 1 });
    expect(newest).toEqual(added);
  });
});

onBoth('what else fleets keep', (databases) => {
  test('a profile’s revisions rise by one, and the same again is no other', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const { profiles } = stores[0]!.fleet;
    expect(await profiles.get(organizationId, 'web')).toBeNull();
    expect(await profiles.put(organizationId, 'web', { files: [] })).toMatchObject({ revision: 1 });
    expect(await profiles.put(organizationId, 'web', { files: [] })).toMatchObject({ revision: 1 });
    const made = await Promise.all(
      range(4).map((n) => stores[n % 2]!.fleet.profiles.put(organizationId, 'web', { files: [n] })),
    );
    expect(made.map(({ revision }) => revision).sort()).toEqual([2, 3, 4, 5]);
    expect(await profiles.get(organizationId, 'web', 1)).toMatchObject({ revision: 1, document: { files: [] } });
    const latest = await profiles.get(organizationId, 'web');
    expect(latest).toMatchObject({ revision: 5 });
    await profiles.put(organizationId, 'api', 'x');
    await profiles.put(other, 'web', 'theirs');
    expect((await profiles.list(organizationId)).map(({ name, revision }) => [name, revision])).toEqual([
      ['api', 1],
      ['web', 5],
    ]);
    expect(await profiles.get(other, 'web')).toMatchObject({ revision: 1, document: 'theirs' });
  });

  test('a host has one replica at a time, a replica one host, however many ask', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const hosts = range(4).map((n) => `10.0.0.${n}:22`);
    const tags = (token: string) => ({
      owner: 'us',
      organizationId,
      gatewayId: 'g',
      replicaId: token,
      token,
    });
    const tokens = range(6).map(() => randomUUID());
    const leases = await Promise.all(
      [...tokens, ...tokens].map((token, n) => stores[n % 2]!.fleet.hosts.take('lab', hosts, tags(token))),
    );
    const taken = await stores[0]!.fleet.hosts.list('lab');
    expect(taken.map(({ host }) => host)).toEqual(hosts);
    expect(new Set(taken.map((lease) => lease.tags.token)).size).toBe(4);
    for (const [n, token] of [...tokens, ...tokens].entries())
      expect(leases[n]).toEqual(taken.find((lease) => lease.tags.token === token) ?? null);
    const { hosts: kept } = stores[0]!.fleet;
    const [first] = taken;
    expect(await kept.release('lab', first!.host, 'another')).toBe(false);
    expect(await kept.release('lab', first!.host, first!.tags.token)).toBe(true);
    expect(await kept.release('lab', first!.host, first!.tags.token)).toBe(false);
    expect(await kept.find(first!.tags.token)).toBeNull();
    expect(await kept.take('lab', hosts, tags('new'))).toMatchObject({ host: first!.host, tags: tags('new') });
    expect(await kept.take('other', hosts, tags('elsewhere'))).toMatchObject({ inventory: 'other', host: hosts[0] });
  });

  test('an installation keeps the first id that it was given', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const ids = await Promise.all(range(6).map((n) => stores[n % 2]!.fleet.installation(`id-${n}`)));
    expect(new Set(ids).size).toBe(1);
    expect(await stores[0]!.fleet.installation('later')).toBe(ids[0]);
  });
});
