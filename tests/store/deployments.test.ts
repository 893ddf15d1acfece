import { randomUUID } from 'node:crypto';
import { defaultDatabaseSettings } from '../../domain/deploy/database';
import { defaultRolloutSettings } from '../../domain/rollout/apply';
import { Prisma } from '../../prisma/generated/sqlite/client';
import type { NewDeployment } from '../../prisma/apply-store';
import type { Store } from '../../prisma/store';
import { databaseOn, newBranch, newDatabase, organizationId, stranger } from './deploy-world';
import { codesOf, failureOf, failuresOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of the deployments of a database, and of who may change their schema. */

async function deploymentsOn(store: Store) {
  const world = await databaseOn(store);
  const { id: databaseId } = world.database;
  const { deployments } = store.rollouts;
  const named = (name: string, change: Partial<NewDeployment> = {}): NewDeployment => ({
    ...{ id: randomUUID(), organizationId, databaseId, name, environment: 'production', server: name, schema: 'shop' },
    ...change,
  });
  return {
    ...{ ...world, databaseId, deployments, named },
    add: (name: string, change: Partial<NewDeployment> = {}) => deployments.add(named(name, change)),
    names: async () => (await deployments.list(organizationId, databaseId)).map(({ name }) => name),
  };
}

onBoth('deployments', (databases) => {
  test('the first that is added has that of the default branch before it', async () => {
    const store = await databases.store();
    const { deployments, databaseId, main, named, names } = await deploymentsOn(store);
    expect(await names()).toEqual([]);
    const input = named('eu');
    const added = await deployments.add(input);
    expect(added).toEqual({ ...input, position: 1, createdAt: expect.any(Date), resourceVersion: 1 });
    expect(await deployments.add(input)).toEqual(added);
    const [own, ...others] = await deployments.list(organizationId, databaseId);
    expect(own).toMatchObject({ id: main.id, name: 'main', environment: 'production', position: 0 });
    expect(own).toMatchObject({ server: 'mariadb', schema: main.schema });
    expect(others).toEqual([added]);
    expect(await deployments.get(organizationId, databaseId, added.id)).toEqual(added);
    expect(await deployments.get(stranger, databaseId, added.id)).toBeNull();
    expect(await deployments.list(stranger, databaseId)).toEqual([]);
    expect(await failureOf(deployments.add(named('us', { databaseId: 'none' })))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a name, or a schema, that is taken is refused, and nothing is entered', async () => {
    const store = await databases.store();
    const { add, branch, main, names } = await deploymentsOn(store);
    const other = newDatabase({ name: 'other', server: 'there', branch: newBranch({ schema: 'crm' }) });
    await store.deploys.databases.create(other);
    const taken = [
      { server: 'mariadb', schema: branch.schema },
      { server: 'mariadb', schema: main.schema },
      { server: 'there', schema: 'crm' },
    ];
    for (const place of taken)
      expect(await failureOf(add('x', place))).toMatchObject({ code: 'CONFLICT', data: { reason: 'UniqueViolation' } });
    expect(await names()).toEqual([]);
    await add('eu');
    for (const [name, place] of [
      ['eu', { server: 'free' }],
      ['main', { server: 'free' }],
      ['us', { server: 'eu' }],
    ] as const)
      expect(await failureOf(add(name, place))).toMatchObject({
        ...{ code: 'CONFLICT', data: { reason: 'UniqueViolation' } },
      });
    expect(await names()).toEqual(['main', 'eu']);
  });

  test('they are in the order of environments, then in that in which they were added, or were put', async () => {
    const store = await databases.store();
    const { add, deployments, databaseId, names } = await deploymentsOn(store);
    await add('eu');
    const staging = await add('test', { environment: 'staging' });
    await add('lab', { environment: 'lab' });
    const us = await add('us');
    expect(await names()).toEqual(['main', 'test', 'lab', 'eu', 'us']);
    const environments = ['staging', 'production'];
    const settings = { rollout: { ...defaultRolloutSettings, environments } };
    await store.deploys.databases.update(organizationId, databaseId, { settings });
    expect(await names()).toEqual(['test', 'main', 'eu', 'us', 'lab']);
    const put = await deployments.update(organizationId, databaseId, us.id, { position: 1 }, 1);
    expect(put).toEqual({ ...us, position: 1, resourceVersion: 2 });
    await deployments.update(organizationId, databaseId, staging.id, { environment: 'production', name: 'last' });
    expect(await names()).toEqual(['main', 'last', 'eu', 'us', 'lab']);
    const refused = await failuresOf([
      deployments.update(organizationId, databaseId, us.id, { name: 'eu' }),
      deployments.update(organizationId, databaseId, us.id, { position: 9 }, 1),
      deployments.update(stranger, databaseId, us.id, { name: 'mine' }),
    ]);
    expect(refused.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT', 'NOT_FOUND']);
  });

  test('while a deploy is under way none is added or removed', async () => {
    const store = await databases.store();
    const { add, deployments, databaseId, at, names } = await deploymentsOn(store);
    const eu = await add('eu');
    await at('pass', 'deploy', 'submit');
    for (const refused of await failuresOf([add('us'), deployments.remove(organizationId, databaseId, eu.id)]))
      expect(refused).toMatchObject({
        code: 'STATE_CONFLICT',
        data: { state: 'submitting', number: 1 },
      });
    expect(await names()).toEqual(['main', 'eu']);
  });

  test('that of the default branch is removed as the last', async () => {
    const store = await databases.store();
    const { add, deployments, databaseId, main, names } = await deploymentsOn(store);
    const eu = await add('eu');
    const remove = (id: string) => deployments.remove(organizationId, databaseId, id);
    expect(await failureOf(remove(main.id))).toMatchObject({ code: 'STATE_CONFLICT' });
    await remove(eu.id);
    await remove(eu.id);
    expect(await names()).toEqual([]);
    await remove(main.id);
    expect(await deployments.get(organizationId, databaseId, main.id)).toBeNull();
    await add('eu');
    expect(await names()).toEqual(['main', 'eu']);
  });

  test('of ten of one name that are added at once one is there', async () => {
    const store = await databases.store();
    const { add, names } = await deploymentsOn(store);
    const outcomes = await Promise.allSettled(range(10).map((i) => add('eu', { server: `eu-${i}` })));
    expect([valuesOf(outcomes).length, codesOf(outcomes)]).toEqual([1, range(9).map(() => 'CONFLICT')]);
    expect(await names()).toEqual(['main', 'eu']);
  });

  test('a database that was entered before there were rollouts has their default settings', async () => {
    const { database, store } = await databases.database();
    const { databaseId } = await deploymentsOn(store);
    const { rollout, ...before } = defaultDatabaseSettings;
    for (const [stored, expected] of [
      [before, rollout],
      [
        { ...before, rollout: { copies: 9 } },
        { ...rollout, copies: 9 },
      ],
    ]) {
      await database.direct((statements) =>
        statements.change(Prisma.sql`UPDATE database_record SET settings = ${JSON.stringify(stored)}`),
      );
      expect(await store.deploys.databases.get(organizationId, databaseId)).toMatchObject({
        settings: { ...before, rollout: expected },
      });
    }
  });
});

onBoth('schema locks', (databases) => {
  test('one keeps others out until it is given back, or taken with a reason', async () => {
    const store = await databases.store();
    const { locks } = store.rollouts;
    const { databaseId } = await deploymentsOn(store);
    const wanted = (owner: string, ...deployments: string[]) => ({ databaseId, owner, deployments });
    const list = () => locks.list(organizationId, databaseId);
    const first = await locks.acquire(organizationId, wanted('deploy request #1', 'us', 'eu'));
    expect(first).toMatchObject({ had: false, lost: [], lock: { deployments: ['eu', 'us'], forced: null } });
    expect(await list()).toEqual([first.lock]);
    expect(await locks.acquire(organizationId, wanted('deploy request #1', 'eu'))).toEqual({ ...first, had: true });
    for (const refused of await failuresOf([
      locks.acquire(organizationId, wanted('ann', 'us')),
      locks.acquire(organizationId, wanted('ann')),
      locks.release(organizationId, wanted('ann', 'us')),
    ]))
      expect(refused).toMatchObject({
        ...{ code: 'LOCK_HELD', data: { owner: 'deploy request #1', ageMs: expect.any(Number), allowed: ['force'] } },
      });
    await locks.acquire(organizationId, wanted('ann', 'asia'));
    expect(await list()).toHaveLength(2);

    const force = { by: 'bea', reason: 'its host has died' };
    const taken = await locks.acquire(organizationId, { ...wanted('bea', 'us'), force });
    expect(taken).toMatchObject({ lost: [first.lock], lock: { forced: { ...force, from: ['deploy request #1'] } } });
    expect((await list()).map(({ owner }) => owner).sort()).toEqual(['ann', 'bea']);
    expect(await list()).toContainEqual(taken.lock);
    const nameless = locks.acquire(organizationId, { ...wanted('cid', 'us'), force: { by: 'cid', reason: ' ' } });
    expect(await failureOf(nameless)).toMatchObject({ code: 'INVALID_INPUT' });
    for (const _ of [1, 2]) await locks.release(organizationId, wanted('bea', 'us'));
    expect((await list()).map(({ owner }) => owner)).toEqual(['ann']);
    await locks.release(organizationId, { ...wanted('bea'), force });
    expect(await list()).toEqual([]);
    const eve = wanted('eve', 'us');
    for (const refused of await failuresOf([locks.acquire(stranger, eve), locks.release(stranger, eve)]))
      expect(refused).toMatchObject({ code: 'NOT_FOUND' });
    expect(await locks.list(stranger, databaseId)).toEqual([]);
  });
});
