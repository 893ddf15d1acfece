import { randomUUID } from 'node:crypto';
import { configuration, fleetOn, organizationId, profile } from './fleet-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

const other = '6b7a2f50-2f0e-4a52-8f6c-0e6f1a9b3d02';
const ada = { actor: 'ada' };

onBoth('gateways', (databases) => {
  test('from apply to RUNNING to deleted, every change with its event, in order', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.create({ replicas: 2 });
    expect(gateway).toMatchObject({ name: 'edge', state: 'submitted', isDefault: true, resourceVersion: 1 });

    const { replicas } = await world.reconcile(gateway);
    expect(
      replicas.map(({ num, generation, state, token, id }) => [num, generation, state, token === `gatewright-${id}`]),
    ).toEqual([
      [0, 1, 'submitted', true],
      [1, 1, 'submitted', true],
    ]);
    for (const replica of replicas) await world.bring(replica, 'running');
    const running = await world.reconcile(gateway);
    expect(running.gateway).toMatchObject({ state: 'running', statusMessage: null });
    expect((await store.pool.replicas()).map(({ name, ready, address }) => [name, ready, address])).toEqual([
      ['edge-0', true, '127.0.2.1:8080'],
      ['edge-1', true, '127.0.2.2:8080'],
    ]);

    await store.fleet.gateways.markForDeletion(organizationId, gateway.id, ada);
    const waiting = await world.reconcile(gateway);
    expect(waiting.decision).toMatchObject({ over: false });
    expect(waiting.decision!.retire.map(({ reason }) => reason)).toEqual(['gatewayDeleted', 'gatewayDeleted']);
    for (const { id } of replicas) {
      await store.fleet.replicas.move(organizationId, id, 'retire', { statusMessage: 'Gateway is being deleted' });
      await store.pool.unregister(id);
      await store.fleet.replicas.move(organizationId, id, 'end');
    }
    expect(await world.reconcile(gateway)).toMatchObject({ gateway: null, decision: { over: true } });
    expect(await world.reconcile(gateway)).toMatchObject({ gateway: null, decision: null });
    expect(await store.fleet.gateways.get(organizationId, gateway.id)).toBeNull();
    expect(await world.replicas(gateway)).toEqual([]);

    const away = (from: string, to: string) =>
      `Gateway replica status changed ${from} -> ${to} (Gateway is being deleted)`;
    expect(await world.messages(gateway)).toEqual([
      'Gateway created. Status: SUBMITTED',
      'Gateway set as project default',
      'Gateway status changed SUBMITTED -> PROVISIONING',
      'Gateway replica created. Status: SUBMITTED',
      'Gateway replica created. Status: SUBMITTED',
      'Gateway replica status changed SUBMITTED -> PROVISIONING',
      'Gateway replica status changed PROVISIONING -> RUNNING',
      'Gateway replica status changed SUBMITTED -> PROVISIONING',
      'Gateway replica status changed PROVISIONING -> RUNNING',
      'Gateway status changed PROVISIONING -> RUNNING',
      'Gateway marked for deletion',
      away('RUNNING', 'TERMINATING'),
      away('TERMINATING', 'TERMINATED'),
      away('RUNNING', 'TERMINATING'),
      away('TERMINATING', 'TERMINATED'),
      'Gateway deleted',
    ]);
    // The name is free again.
    expect(await world.create({ replicas: 1 })).toMatchObject({ name: 'edge', state: 'submitted' });
  });

  test('many reconciliations at once, from two processes, make no replica twice', async () => {
    const url = await databases.migrated();
    const worlds = [fleetOn(await databases.store(url)), fleetOn(await databases.store(url))];
    const gateway = await worlds[0]!.create({ replicas: 3 });
    const outcomes = await Promise.allSettled(range(8).map((n) => worlds[n % 2]!.reconcile(gateway)));
    expect(codesOf(outcomes)).toEqual([]);
    expect(valuesOf(outcomes).filter(({ decision }) => decision!.create.length > 0)).toHaveLength(1);
    const rows = await worlds[0]!.replicas(gateway);
    expect(rows.map(({ num, generation }) => [num, generation])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    const messages = await worlds[1]!.messages(gateway);
    expect(messages.filter((message) => message.startsWith('Gateway replica created'))).toHaveLength(3);
    expect(messages.filter((message) => message.includes('->'))).toHaveLength(1);
  });

  test('a gateway is deleted once, however many notice', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const worlds = stores.map(fleetOn);
    const gateway = await worlds[0]!.create();
    await stores[0]!.fleet.gateways.markForDeletion(organizationId, gateway.id, ada);
    const outcomes = await Promise.all(range(6).map((n) => worlds[n % 2]!.reconcile(gateway)));
    expect(outcomes.map((each) => each.gateway)).toEqual(range(6).map(() => null));
    expect((await worlds[0]!.messages(gateway)).filter((message) => message === 'Gateway deleted')).toHaveLength(1);
  });

  test('what was decided on an old row is not written', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.create({ replicas: 1 });
    let calls = 0;
    const result = await store.fleet.gateways.reconcile(organizationId, gateway.id, (row) => {
      calls++;
      return {
        move: row.state === 'submitted' ? { name: 'provision', statusMessage: null } : null,
        create: [{ num: 0, generation: 1 }],
        scaleIn: [],
        scaleAttempt: null,
        events: [],
        retire: [],
        lookAgainAt: null,
        over: false,
      };
    });
    expect(calls).toBe(1);
    // Decided again and again on rows that have moved on: the place is taken, and nothing else of it is kept either.
    const failure = await failureOf(
      store.fleet.gateways.reconcile(organizationId, gateway.id, () => ({
        ...result.decision!,
        move: null,
        events: ['never seen'],
      })),
    );
    expect(failure.code).toBe('CONFLICT');
    expect(await world.messages(gateway)).not.toContain('never seen');
    expect(await store.fleet.gateways.get(organizationId, gateway.id)).toEqual(result.gateway);
  });

  test('belong to their organization: another sees and changes nothing of them', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.running({ replicas: 1 });
    const [replica] = await world.replicas(gateway);
    const { gateways, replicas, events } = store.fleet;
    expect(await gateways.get(other, gateway.id)).toBeNull();
    expect(await gateways.named(other, 'edge')).toBeNull();
    expect(await gateways.list(other)).toEqual([]);
    expect(await replicas.get(other, replica!.id)).toBeNull();
    expect(await replicas.list(other, gateway.id)).toEqual([]);
    expect(await events.page({ organizationId: other, within: [gateway.id], limit: 10 })).toEqual([]);
    const attempts = [
      gateways.update(other, gateway.id, { configuration: configuration({ replicas: 2 }) }, ada),
      gateways.setDefault(other, gateway.id, ada),
      gateways.markForDeletion(other, gateway.id, ada),
      replicas.move(other, replica!.id, 'retire'),
      replicas.note(other, replica!.id, { instanceId: 'theirs' }),
      replicas.countConnectAttempt(other, replica!.id),
      replicas.countHealth(other, replica!.id, false),
    ];
    for (const attempt of attempts) expect((await failureOf(attempt)).code).toBe('NOT_FOUND');
    expect(
      await gateways.reconcile(other, gateway.id, () => {
        throw new Error('decided on what is another’s');
      }),
    ).toMatchObject({ gateway: null });
    expect(await gateways.get(organizationId, gateway.id)).toEqual(gateway);
    expect(await replicas.get(organizationId, replica!.id)).toEqual(replica);
    // The same name is another gateway there.
    expect(await world.create({}, other)).toMatchObject({ organizationId: other, name: 'edge' });
  });

  test('a name is taken once, and the same id is the same gateway', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const id = randomUUID();
    const input = { id, organizationId, configuration: configuration(), profile, actor: null };
    const made = await Promise.all(range(6).map((n) => stores[n % 2]!.fleet.gateways.create(input)));
    expect(new Set(made.map((each) => JSON.stringify(each))).size).toBe(1);
    const second = await failureOf(stores[0]!.fleet.gateways.create({ ...input, id: randomUUID() }));
    expect(second).toMatchObject({ code: 'CONFLICT', data: { reason: 'UniqueViolation' } });
  });

  test('there is one default, however many become it at once', async () => {
    const url = await databases.migrated();
    const worlds = [fleetOn(await databases.store(url)), fleetOn(await databases.store(url))];
    const store = await databases.store(url);
    const made = await Promise.all(range(5).map((n) => worlds[n % 2]!.create({ name: `edge${n}` })));
    const defaults = async () =>
      (await store.fleet.gateways.list(organizationId)).filter(({ isDefault }) => isDefault).map(({ id }) => id);
    expect(await defaults()).toHaveLength(1);
    await worlds[0]!.create({ name: 'chosen', default: true });
    expect(await defaults()).not.toEqual([made[0]!.id]);
    const outcomes = await Promise.allSettled(
      made.map(({ id }) => store.fleet.gateways.setDefault(organizationId, id, ada)),
    );
    expect(valuesOf(outcomes).length).toBeGreaterThan(0);
    expect(await defaults()).toHaveLength(1);
    const taken = await store.fleet.gateways.setDefault(organizationId, made[3]!.id, ada);
    expect(await defaults()).toEqual([taken.id]);
    expect(await messagesOf(store, made[3]!.id)).toContain('Gateway set as project default');
  });

  test('change in place; what cannot is refused, and so is a version that is not the present one', async () => {
    const store = await databases.store();
    const world = fleetOn(store);
    const gateway = await world.running({ replicas: 1 });
    const { gateways } = store.fleet;
    const wanted = configuration({ replicas: 3, domain: 'example.com' });
    const updated = await gateways.update(organizationId, gateway.id, { configuration: wanted, profile }, ada);
    expect(updated).toMatchObject({
      desiredReplicas: 3,
      wildcardDomain: 'example.com',
      configuration: wanted,
      resourceVersion: gateway.resourceVersion + 1,
    });
    expect(updated.lastUpdateAt).not.toBeNull();
    // The same again changes nothing.
    expect(await gateways.update(organizationId, gateway.id, { configuration: wanted, profile }, ada)).toEqual(updated);
    const [event] = await store.fleet.events.page({
      organizationId,
      gateways: [gateway.id],
      descending: true,
      limit: 1,
    });
    expect(event).toMatchObject({
      message: 'Gateway updated. Changed fields: domain, replicas',
      actor: 'ada',
      targets: [{ type: 'gateway', id: gateway.id, name: 'edge' }],
    });
    const region = configuration({ replicas: 3, domain: 'example.com', region: 'elsewhere' });
    expect(await failureOf(gateways.update(organizationId, gateway.id, { configuration: region }, ada))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'Gateway edge cannot be updated in-place. Delete it and re-apply.',
    });
    const stale = gateways.update(
      organizationId,
      gateway.id,
      { configuration: configuration({ replicas: 2 }) },
      { ...ada, version: gateway.resourceVersion },
    );
    expect(await failureOf(stale)).toMatchObject({
      code: 'CONFLICT',
      data: { currentVersion: updated.resourceVersion },
    });
    await gateways.markForDeletion(organizationId, gateway.id, ada);
    expect(await failureOf(gateways.update(organizationId, gateway.id, { configuration: wanted }, ada))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'Gateway edge is being deleted. Try again later.',
    });
    const marked = await gateways.get(organizationId, gateway.id);
    expect(await gateways.markForDeletion(organizationId, gateway.id, ada)).toEqual(marked);
  });
});

async function messagesOf(store: Parameters<typeof fleetOn>[0], id: string): Promise<string[]> {
  return (await store.fleet.events.page({ organizationId, gateways: [id], limit: 100 })).map(({ message }) => message);
}
