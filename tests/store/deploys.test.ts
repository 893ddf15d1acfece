import { randomUUID } from 'node:crypto';
import { defaultDatabaseSettings, type DatabaseRecord } from '../../domain/deploy/database';
import { defaultRolloutSettings } from '../../domain/rollout/apply';
import type { Database } from '../../prisma/database';
import { Prisma } from '../../prisma/generated/sqlite/client';
import type { Store } from '../../prisma/store';
import { newOperations } from './apply-world';
import {
  allOnOnePage,
  databaseOn,
  namesOf,
  newBranch,
  newDatabase,
  newOperation,
  newPassword,
  organizationId,
  stranger,
} from './deploy-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of databases. */

onBoth('databases', (databases) => {
  test('one begins as pending with its first branch, and a repeat gives the same', async () => {
    const { deploys } = await databases.store();
    const input = newDatabase({ notes: 'the shop', branch: newBranch({ name: 'trunk' }) });
    const made = await deploys.databases.create(input);
    expect(made).toEqual({
      ...{ id: input.id, organizationId, name: 'shop', kind: 'mysql', server: 'mariadb', state: 'pending' },
      ...{ defaultBranch: 'trunk', settings: defaultDatabaseSettings, notes: 'the shop', resourceVersion: 1 },
      ...{ createdAt: expect.any(Date), updatedAt: made.createdAt, schemaChangedAt: null },
    });
    expect(await deploys.databases.create(input)).toEqual(made);
    expect(await deploys.databases.get(organizationId, input.id)).toEqual(made);
    expect(await deploys.databases.named(organizationId, 'shop')).toEqual(made);
    expect(await deploys.branches.list(organizationId, input.id, allOnOnePage)).toEqual({
      total: 1,
      items: [await deploys.branches.get(organizationId, input.id, input.branch.id)],
    });
  });

  test('of ten at once with one name exactly one is made; a name is free in another organization', async () => {
    const { deploys } = await databases.store();
    const outcomes = await Promise.allSettled(range(10).map(() => deploys.databases.create(newDatabase())));
    expect(valuesOf(outcomes)).toHaveLength(1);
    expect(codesOf(outcomes)).toEqual(Array(9).fill('CONFLICT'));
    expect(await failureOf(deploys.databases.create(newDatabase()))).toMatchObject({
      code: 'CONFLICT',
      data: { reason: 'UniqueViolation' },
    });
    expect((await deploys.databases.create(newDatabase({ organizationId: stranger }))).name).toBe('shop');
    expect((await deploys.databases.list(organizationId, allOnOnePage)).total).toBe(1);
    expect(await deploys.databases.organizations()).toEqual([organizationId, stranger]);
  });

  test('the same call ten times at once makes one', async () => {
    const { deploys } = await databases.store();
    const input = newDatabase();
    const made = await Promise.all(range(10).map(() => deploys.databases.create(input)));
    expect(new Set(made.map(({ createdAt }) => createdAt.getTime())).size).toBe(1);
    expect((await deploys.branches.list(organizationId, input.id, allOnOnePage)).total).toBe(1);
  });

  test('pages are by name, with the number of all', async () => {
    const { deploys } = await databases.store();
    for (const name of ['cart', 'a_b', 'axb', 'Card']) await deploys.databases.create(newDatabase({ name }));
    const list = (page: object) => deploys.databases.list(organizationId, { ...allOnOnePage, ...page });
    const first = await list({ perPage: 3 });
    const second = await list({ perPage: 3, page: 2 });
    expect([first.total, second.total]).toEqual([4, 4]);
    expect([first, second].flatMap(namesOf).sort()).toEqual(['Card', 'a_b', 'axb', 'cart']);
    expect(namesOf(second)).toHaveLength(1);
    expect(namesOf(await list({ q: 'CAR' })).sort()).toEqual(['Card', 'cart']);
    expect(namesOf(await list({ q: '_' }))).toEqual(['a_b']);
    expect(await list({ q: '%' })).toEqual({ items: [], total: 0 });
    expect(await list({ page: 9 })).toEqual({ items: [], total: 4 });
    expect(await deploys.databases.list(stranger, allOnOnePage)).toEqual({ items: [], total: 0 });
  });

  test('changes are merged, and compared with the version that the caller names', async () => {
    const { deploys } = await databases.store();
    const { id } = await deploys.databases.create(newDatabase());
    const update = (change: object, version?: number): Promise<DatabaseRecord> =>
      deploys.databases.update(organizationId, id, change, version);
    expect(await update({ state: 'ready', settings: { throttle: 0.5 } })).toMatchObject({
      state: 'ready',
      settings: { ...defaultDatabaseSettings, throttle: 0.5 },
      resourceVersion: 2,
    });
    expect(await failureOf(update({ notes: 'late' }, 1))).toMatchObject({
      code: 'CONFLICT',
      data: { currentVersion: 2 },
    });
    await deploys.databases.create(newDatabase({ name: 'other' }));
    expect(await failureOf(update({ name: 'other' }))).toMatchObject({
      code: 'CONFLICT',
      data: { reason: 'UniqueViolation' },
    });
    expect(await failureOf(deploys.databases.update(stranger, id, { notes: 'mine' }))).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await update({}, 2)).toMatchObject({ name: 'shop', notes: '', resourceVersion: 3 });
  });

  test('settings changed at once are all kept', async () => {
    const { deploys } = await databases.store();
    const { id } = await deploys.databases.create(newDatabase());
    const settings = [
      ...[{ requireApproval: true }, { allowOwnApproval: false }, { allowForeignKeys: false }],
      ...[{ deletionProtected: true }, { throttle: 0.9 }],
    ];
    await Promise.all(settings.map((change) => deploys.databases.update(organizationId, id, { settings: change })));
    expect(await deploys.databases.get(organizationId, id)).toMatchObject({
      settings: { ...defaultDatabaseSettings, ...Object.assign({}, ...settings) },
      resourceVersion: 1 + settings.length,
    });
  });

  test('one that is removed leaves nothing, and its name is free', async () => {
    const { database, store } = await databases.database();
    const { deploys } = store;
    const world = await databaseOn(store);
    const { id } = await world.open();
    await deploys.requests.setPlan(organizationId, id, '{}', [newOperation('item')]);
    await deploys.requests.review({
      organizationId,
      requestId: id,
      id: 'r',
      state: 'approved',
      body: '',
      actor: 'bea',
    });
    await deploys.branches.setBase(organizationId, world.database.id, world.branch.id, '{}');
    await deploys.passwords.create(newPassword(world));
    await rollOut(store, world.database.id);
    await deploys.databases.remove(stranger, world.database.id);
    expect(await deploys.requests.byId(organizationId, id)).not.toBeNull();
    await deploys.databases.remove(organizationId, world.database.id);
    await deploys.databases.remove(organizationId, world.database.id);
    expect(await left(database)).toEqual([]);
    expect(await failureOf(world.open())).toMatchObject({ code: 'NOT_FOUND' });
    await deploys.databases.create(newDatabase());
  });

  test('what is entered while it is removed does not outlive it', async () => {
    const { database, store } = await databases.database();
    const { branches, passwords, requests } = store.deploys;
    for (let round = 0; round < 3; round++) {
      const world = await databaseOn(store);
      const { id } = await world.open();
      const review = { organizationId, requestId: id, state: 'commented', body: 'hm', actor: 'bea' } as const;
      const entering = range(4).flatMap((n) => [
        world.open(),
        passwords.create(newPassword(world)),
        branches.create(organizationId, world.database.id, newBranch({ name: `late-${n}` })),
        branches.setBase(organizationId, world.database.id, world.branch.id, `${n}`),
        requests.review({ ...review, id: randomUUID() }),
        requests.setPlan(organizationId, id, `${n}`, [newOperation('item')]),
      ]);
      const removing = store.deploys.databases.remove(organizationId, world.database.id);
      const outcomes = await Promise.allSettled([...entering, removing]);
      expect(codesOf(outcomes)).toEqual(codesOf(outcomes).map(() => 'NOT_FOUND'));
      expect(await left(database)).toEqual([]);
    }
  });

  test('those whose workflow should run are found for every organization', async () => {
    const { deploys } = await databases.store();
    for (const [i, state] of (['pending', 'ready', 'failed', 'deleting'] as const).entries()) {
      const owner = i % 2 ? stranger : organizationId;
      const { id } = await deploys.databases.create(newDatabase({ organizationId: owner, name: state }));
      await deploys.databases.update(owner, id, { state });
    }
    expect(namesOf({ items: await deploys.databases.unfinished() }).sort()).toEqual(['deleting', 'pending']);
  });
});

/** Enters something of a rollout into every table that has any. */
async function rollOut(store: Store, databaseId: string): Promise<void> {
  const { applies, deployments, locks } = store.rollouts;
  const place = { name: 'eu', environment: 'production', server: 'eu', schema: 'shop' };
  await deployments.add({ id: randomUUID(), organizationId, databaseId, ...place });
  await locks.acquire(organizationId, { databaseId, deployments: [], owner: 'ann' });
  const [first, second] = newOperations(2);
  const [own, eu] = await deployments.list(organizationId, databaseId);
  const input = { id: randomUUID(), organizationId, databaseId, number: 1, settings: defaultRolloutSettings };
  await applies.create(input, [
    { ...first!, deploymentId: own!.id },
    { ...second!, deploymentId: eu!.id },
  ]);
  await store.deploys.requests.setPlan(organizationId, first!.id, '{}', [newOperation('item')]);
  await applies.override(organizationId, input.id, { ...{ environment: 'p', by: 'ann', reason: 'r' }, at: new Date() });
}

/** The tables in which anything of any database is left. */
async function left(database: Database): Promise<string[]> {
  const tables = ['database_record', 'branch_record', 'branch_base', 'branch_password', 'deploy_request'];
  const found: string[] = [];
  const rollouts = ['deployment', 'apply', 'apply_operation', 'apply_event', 'schema_lock', 'gate_override'];
  for (const name of [...tables, 'deploy_plan', 'deploy_operation', 'deploy_review', ...rollouts]) {
    const all = Prisma.sql`SELECT 1 AS one FROM ${Prisma.raw(name)}`;
    if ((await database.direct((statements) => statements.rows(all))).length > 0) found.push(name);
  }
  return found;
}
