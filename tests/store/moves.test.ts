import { randomUUID } from 'node:crypto';
import type { Store } from '../../prisma/store';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

/* Moves of allocations in the store: who holds which replica, whatever happens at the same moment. */

interface Live {
  readonly allocationId: string;
  readonly organizationId: string;
  readonly from: { readonly replicaId: string; readonly epoch: number };
}

async function pool(store: Store, count: number): Promise<void> {
  for (const n of range(count)) {
    const id = `replica-${n}`;
    await store.pool.register({ id, name: id, secretHash: id });
    await store.pool.announce({ id, secretHash: id, address: `127.0.2.${n + 1}:8080`, servingEpoch: 0 });
  }
}

/** A live allocation with its route. */
async function live(store: Store): Promise<Live> {
  const [allocationId, organizationId] = [randomUUID(), randomUUID()];
  const hostname = `${organizationId}.test`;
  const made = await store.pool.allocate({ allocationId, organizationId, hostname, runId: 'start' });
  await store.routes.write({ allocationId, hostname, address: made.address });
  await store.pool.move(allocationId, ['starting'], 'live');
  return { allocationId, organizationId, from: { replicaId: made.replicaId, epoch: made.epoch } };
}

async function reserved(store: Store, held: Live, moveId: string = randomUUID()) {
  const { allocationId, organizationId, from } = held;
  const claim = { moveId, allocationId, organizationId, hostname: `${organizationId}.test`, runId: `move ${moveId}` };
  const to = await store.moves.reserve(claim);
  return { key: { moveId, allocationId, from }, to, claim };
}

/** Who holds which replica, by the pool's rows and by the open allocations; the two must agree. */
async function holders(store: Store): Promise<Record<string, string>> {
  const held = (await store.pool.replicas()).filter(({ allocationId }) => allocationId !== null);
  return Object.fromEntries(held.map(({ id, allocationId }) => [id, allocationId!]));
}

const release = (store: Store, id: string, { organizationId }: Live, quarantine?: string) =>
  store.pool.release({
    ...{ allocationId: id, organizationId, runId: 'any' },
    ...(quarantine !== undefined && { quarantine }),
  });

onBoth('moves', (databases) => {
  test('a move exchanges the replicas and the route, and gives the old replica back', async () => {
    const store = await databases.store();
    await pool(store, 2);
    const held = await live(store);
    const { key, to, claim } = await reserved(store, held);
    expect(await holders(store)).toEqual({ [held.from.replicaId]: held.allocationId, [to.replicaId]: key.moveId });
    expect(await store.moves.reserve(claim)).toMatchObject({ replicaId: to.replicaId, epoch: to.epoch });
    const before = await store.routes.head();
    const { revision } = await store.moves.exchange(key);
    expect(await store.moves.exchange(key)).toEqual({ revision }); // a repeat changes nothing
    expect(await store.routes.head()).toBe(revision);
    expect(await store.routes.changesSince(before)).toMatchObject([
      { allocationId: key.moveId, removed: true },
      { allocationId: held.allocationId, removed: false, address: to.address, revision },
    ]);
    expect(await holders(store)).toEqual({ [held.from.replicaId]: key.moveId, [to.replicaId]: held.allocationId });
    expect(await store.pool.allocation(held.allocationId)).toMatchObject({
      ...{ replicaId: to.replicaId, epoch: to.epoch, address: to.address, state: 'live' },
    });
    await release(store, key.moveId, held);
    expect(await holders(store)).toEqual({ [to.replicaId]: held.allocationId });
    // A move is no allocation of the organization's.
    expect(await store.pool.allocation(key.moveId)).toBeNull();
    expect((await store.pool.allocations({ limit: 10 })).map(({ id }) => id)).toEqual([held.allocationId]);
  });

  test('what was exchanged can be given back, and a late exchange finds that out', async () => {
    const store = await databases.store();
    await pool(store, 2);
    const held = await live(store);
    const { key, to } = await reserved(store, held);
    await store.moves.exchange(key);
    const { revision } = await store.moves.giveBack(key);
    expect(await store.moves.giveBack(key)).toEqual({ revision });
    expect(await holders(store)).toEqual({ [held.from.replicaId]: held.allocationId, [to.replicaId]: key.moveId });
    expect(await store.routes.route(held.allocationId)).toMatchObject({ removed: false, address: '127.0.2.1:8080' });
    expect((await failureOf(store.moves.exchange(key))).code).toBe('ALLOCATION_GONE');
    await release(store, key.moveId, held);
    expect(await holders(store)).toEqual({ [held.from.replicaId]: held.allocationId });
    expect((await failureOf(store.moves.exchange(key))).code).toBe('ALLOCATION_GONE');
  });

  test('one that was never exchanged cannot be after it was given back', async () => {
    const store = await databases.store();
    await pool(store, 2);
    const held = await live(store);
    const { key } = await reserved(store, held);
    const before = await store.routes.head();
    await store.moves.giveBack(key);
    expect((await failureOf(store.moves.exchange(key))).code).toBe('ALLOCATION_GONE');
    expect(await store.routes.head()).toBe(before);
  });

  test('two moves of one allocation from two processes: one gets a replica', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    await pool(stores[0]!, 8);
    const held = await live(stores[0]!);
    const outcomes = await Promise.allSettled(range(6).map((n) => reserved(stores[n % 2]!, held)));
    expect(codesOf(outcomes)).toEqual(range(5).map(() => 'ALLOCATION_BUSY'));
    const { key } = valuesOf(outcomes)[0]!;
    await release(stores[1]!, key.moveId, held);
    expect(Object.values(await holders(stores[0]!))).toEqual([held.allocationId]);
  });

  test('a stop and an exchange at once: the stop finds where the allocation is, the exchange only what is live', async () => {
    const url = await databases.migrated();
    const [one, other] = [await databases.store(url), await databases.store(url)];
    await pool(one, 2);
    const seen = new Set<string>();
    for (const _ of range(12)) {
      const held = await live(one);
      const { key, to } = await reserved(one, held);
      const [exchange, stop] = await Promise.allSettled([
        one.moves.exchange(key),
        other.pool.move(held.allocationId, ['live'], 'stopping'),
      ]);
      expect(stop.status).toBe('fulfilled');
      const present = (await one.pool.allocation(held.allocationId))!;
      expect(present.replicaId).toBe(exchange.status === 'fulfilled' ? to.replicaId : held.from.replicaId);
      if (exchange.status === 'rejected') expect(exchange.reason).toMatchObject({ code: 'STATE_CONFLICT' });
      seen.add(exchange.status);
      // What is being stopped stays where it is.
      await one.moves.giveBack(key);
      expect((await one.pool.allocation(held.allocationId))!.replicaId).toBe(present.replicaId);
      await other.routes.remove(held.allocationId);
      await Promise.all([release(one, key.moveId, held), release(other, held.allocationId, held)]);
      expect(await holders(one)).toEqual({});
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  test('the replica that was left stays in quarantine while an edge may still lead to it', async () => {
    const store = await databases.store();
    await pool(store, 2);
    await store.edges.register('edge-a');
    const held = await live(store);
    const { key } = await reserved(store, held);
    await store.moves.exchange(key);
    await release(store, key.moveId, held, 'edge-a may still lead to it');
    const id = held.from.replicaId;
    const again = () => store.pool.announce({ id, secretHash: id, address: '127.0.2.1:8080', servingEpoch: 0 });
    expect((await again()).quarantinedAt).not.toBeNull();
    await store.edges.remove('edge-a');
    expect((await again()).quarantinedAt).toBeNull();
  });
});
