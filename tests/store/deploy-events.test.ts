import { randomUUID } from 'node:crypto';
import type { Store, Webhook } from '../../prisma/store';
import { databaseOn, organizationId, stranger } from './deploy-world';
import { onBoth, range } from './on-both';

/* What webhooks of databases are told is decided where it happens, in the same transaction. */

const webhook = (store: Store, databaseId: string, events: readonly string[], own = organizationId): Promise<Webhook> =>
  store.webhooks.create({
    ...{ id: randomUUID(), url: 'https://example.com/', secret: 'sealed', events, organizationId: own, databaseId },
  });

const told = async ({ webhooks }: Store, { id }: Webhook): Promise<[string, string][]> =>
  (await webhooks.deliveries(id, 100))
    .map(({ event, payload }) => [event, (payload as { resource: { deployment_state: string } }).resource])
    .map(([event, resource]): [string, string] => [
      event as string,
      (resource as { deployment_state: string }).deployment_state,
    ])
    .toReversed();

onBoth('events of databases', (databases) => {
  test('every state that people wait for is told once, in order', async () => {
    const store = await databases.store();
    const { database, at } = await databaseOn(store);
    const all = [
      'opened',
      'queued',
      'in_progress',
      'pending_cutover',
      'schema_applied',
      'reverted',
      'errored',
      'closed',
    ];
    const hook = await webhook(
      store,
      database.id,
      all.map((event) => `deploy_request.${event}`),
    );
    const request = await at('pass', 'deploy', 'submit', 'begin', 'gate', 'cutOver', 'holdUp', 'cutOver');
    await store.deploys.requests.note(organizationId, request.id, { readyToCutoverAt: new Date() });
    // Another deployment has its turn.
    for (const move of ['goOn', 'gate', 'cutOver', 'open', 'revert', 'holdUpRevert'] as const)
      await store.deploys.requests.move(organizationId, request.id, move);
    await store.deploys.requests.move(organizationId, request.id, 'open');
    await store.deploys.requests.note(organizationId, request.id, { throttle: 0.5 });
    await store.deploys.requests.move(organizationId, request.id, 'revert');
    await store.deploys.requests.move(organizationId, request.id, 'failRevert');
    await store.deploys.requests.move(organizationId, request.id, 'completeDeploy');
    expect(await told(store, hook)).toEqual([
      ['deploy_request.opened', 'pending'],
      ['deploy_request.queued', 'queued'],
      ['deploy_request.in_progress', 'in_progress'],
      ['deploy_request.pending_cutover', 'pending_cutover'],
      ['deploy_request.schema_applied', 'complete_pending_revert'],
      ['deploy_request.errored', 'complete_revert_error'],
    ]);
  });

  test('a change that was refused tells nothing; of a close and a deploy at once, one is told', async () => {
    const store = await databases.store();
    const { database, at } = await databaseOn(store);
    const hook = await webhook(store, database.id, ['deploy_request.queued', 'deploy_request.closed']);
    const { requests } = store.deploys;
    for (const _ of range(5)) {
      const { id } = await at('pass');
      const outcomes = await Promise.allSettled([
        requests.close(organizationId, id, 'ada'),
        requests.deployed(organizationId, id, false),
      ]);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
    expect(await store.webhooks.deliveries(hook.id, 100)).toHaveLength(5);
  });

  test('nobody else is told: other databases, other organizations, those that are disabled', async () => {
    const store = await databases.store();
    const { database, open } = await databaseOn(store);
    const events = ['deploy_request.opened'];
    const others = [
      await webhook(store, randomUUID(), events),
      await webhook(store, database.id, events, stranger),
      await webhook(store, database.id, ['deploy_request.closed']),
      await store.webhooks.update((await webhook(store, database.id, events)).id, { disabledAt: new Date() }),
    ];
    const hook = await webhook(store, database.id, events);
    await open();
    expect(
      await Promise.all([hook, ...others].map(async ({ id }) => (await store.webhooks.deliveries(id, 9)).length)),
    ).toEqual([1, 0, 0, 0, 0]);
    expect(await store.webhooks.list()).toEqual([]);
    expect((await store.webhooks.ofDatabase(organizationId, database.id)).map(({ id }) => id)).toHaveLength(3);
  });

  test('a delivery is taken and recorded like any other, and a test is one', async () => {
    const store = await databases.store();
    const { database } = await databaseOn(store);
    const hook = await webhook(store, database.id, []);
    await store.webhooks.test(hook);
    const [due] = await store.webhooks.takeDue(10, 1_000);
    expect(due).toMatchObject({
      event: 'webhook.test',
      webhook: { id: hook.id, databaseId: database.id },
      state: 'pending',
    });
    await store.webhooks.recordAttempt(due!.id, { delivered: true, status: 200, error: null, nextAttemptAt: null });
    expect(await store.webhooks.deliveries(hook.id, 1)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
  });

  test('with the database, its webhooks and their deliveries go', async () => {
    const store = await databases.store();
    const { database, open } = await databaseOn(store);
    const hook = await webhook(store, database.id, ['deploy_request.opened']);
    await open();
    await store.deploys.databases.remove(organizationId, database.id);
    expect([await store.webhooks.get(hook.id), await store.webhooks.deliveries(hook.id, 1)]).toEqual([null, []]);
  });
});
