import { randomUUID } from 'node:crypto';
import {
  allOnOnePage,
  databaseOn,
  namesOf,
  newBranch,
  newDatabase,
  newPassword,
  organizationId,
  stranger,
} from './deploy-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of the branches of databases, and of the accounts of these. */

onBoth('branches', (databases) => {
  test('one begins as pending, a repeat gives the same, and a name is taken until it is deleted', async () => {
    const { deploys } = await databases.store();
    const { id } = await deploys.databases.create(newDatabase());
    const input = newBranch({ name: 'feature', parent: 'main', adopted: false, production: false });
    const create = (branch = input) => deploys.branches.create(organizationId, id, branch);
    const made = await create();
    expect(made).toEqual({
      ...input,
      ...{ databaseId: id, organizationId, state: 'pending', resourceVersion: 1 },
      ...{ createdAt: expect.any(Date), updatedAt: made.createdAt },
      ...{ deletedAt: null, deletedBy: null, schemaChangedAt: null },
    });
    expect(await create()).toEqual(made);
    const taken = { code: 'CONFLICT', data: { reason: 'UniqueViolation' } };
    expect(await failureOf(create({ ...input, id: randomUUID() }))).toMatchObject(taken);
    await deploys.branches.remove(organizationId, id, made.id, 'bea');
    const gone = await deploys.branches.get(organizationId, id, made.id);
    expect(gone).toMatchObject({ name: 'feature', deletedBy: 'bea', deletedAt: expect.any(Date), resourceVersion: 2 });
    await deploys.branches.remove(organizationId, id, made.id, 'eve');
    expect(await deploys.branches.get(organizationId, id, made.id)).toEqual(gone);
    expect(await deploys.branches.named(organizationId, id, 'feature')).toBeNull();
    const again = await create({ ...input, id: randomUUID() });
    expect(await deploys.branches.named(organizationId, id, 'feature')).toEqual(again);
    expect(namesOf(await deploys.branches.list(organizationId, id, allOnOnePage))).toEqual(['main', 'feature']);
  });

  test('of ten at once with one name exactly one is made', async () => {
    const { deploys } = await databases.store();
    const { id } = await deploys.databases.create(newDatabase());
    const outcomes = await Promise.allSettled(
      range(10).map(() => deploys.branches.create(organizationId, id, newBranch({ name: 'feature' }))),
    );
    expect(valuesOf(outcomes)).toHaveLength(1);
    expect(codesOf(outcomes)).toEqual(Array(9).fill('CONFLICT'));
  });

  test('lists filter', async () => {
    const { deploys } = await databases.store();
    const { id } = await deploys.databases.create(newDatabase());
    const create = (name: string, change: object) =>
      deploys.branches.create(organizationId, id, newBranch({ name, parent: 'main', production: false, ...change }));
    await create('feature-1', { safeMigrations: true });
    await create('feature-2', {});
    const list = async (filter: object) =>
      namesOf(await deploys.branches.list(organizationId, id, { ...allOnOnePage, ...filter })).sort();
    expect(await list({ q: 'feat' })).toEqual(['feature-1', 'feature-2']);
    expect(await list({ production: true })).toEqual(['main']);
    expect(await list({ production: false })).toEqual(['feature-1', 'feature-2']);
    expect(await list({ safeMigrations: true })).toEqual(['feature-1']);
    expect(await list({ safeMigrations: false, q: '2' })).toEqual(['feature-2']);
    expect(namesOf({ items: await deploys.branches.unfinished() }).sort()).toEqual(['feature-1', 'feature-2']);
  });

  test('a change of a stale version is refused', async () => {
    const store = await databases.store();
    const { database, branch } = await databaseOn(store);
    const { branches } = store.deploys;
    expect(await branches.update(organizationId, database.id, branch.id, { state: 'ready' }, 1)).toMatchObject({
      state: 'ready',
      resourceVersion: 2,
    });
    const late = branches.update(organizationId, database.id, branch.id, { production: true }, 1);
    expect(await failureOf(late)).toMatchObject({ code: 'CONFLICT', data: { currentVersion: 2 } });
  });

  test('the schema that it was made with is kept beside it', async () => {
    const store = await databases.store();
    const { database, branch } = await databaseOn(store);
    const { branches } = store.deploys;
    expect(await branches.base(organizationId, database.id, branch.id)).toBeNull();
    await branches.setBase(organizationId, database.id, branch.id, '{"tables":[]}');
    await branches.setBase(organizationId, database.id, branch.id, '{"tables":[1]}');
    expect(await branches.base(organizationId, database.id, branch.id)).toBe('{"tables":[1]}');
    expect(await branches.base(stranger, database.id, branch.id)).toBeNull();
    expect(await failureOf(branches.setBase(stranger, database.id, branch.id, '{}'))).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await branches.base(organizationId, database.id, branch.id)).toBe('{"tables":[1]}');
  });

  test('another organization sees and changes nothing', async () => {
    const store = await databases.store();
    const { database, branch } = await databaseOn(store);
    const { branches } = store.deploys;
    expect(await branches.get(stranger, database.id, branch.id)).toBeNull();
    expect(await branches.named(stranger, database.id, 'main')).toBeNull();
    expect(await branches.list(stranger, database.id, allOnOnePage)).toEqual({ items: [], total: 0 });
    for (const attempt of [
      branches.create(stranger, database.id, newBranch({ name: 'mine' })),
      branches.update(stranger, database.id, branch.id, { production: true }),
    ])
      expect(await failureOf(attempt)).toMatchObject({ code: 'NOT_FOUND' });
    await branches.remove(stranger, database.id, branch.id, 'eve');
    expect(await branches.get(organizationId, database.id, branch.id)).toEqual(branch);
  });
});

onBoth('accounts of branches', (databases) => {
  test('they are listed newest first until they are removed, or their branch is', async () => {
    const store = await databases.store();
    const { passwords, branches } = store.deploys;
    const world = await databaseOn(store);
    const inputs = range(3).map((n) => newPassword(world, { name: `app-${n}` }));
    for (const input of inputs) {
      const made = await passwords.create(input);
      expect(made).toEqual({ ...input, createdAt: expect.any(Date), deletedAt: null });
      expect(await passwords.create(input)).toEqual(made);
      await past(made.createdAt);
    }
    const list = async (of = organizationId) => await passwords.list(of, world.branch.id, allOnOnePage);
    expect(namesOf(await list())).toEqual(['app-2', 'app-1', 'app-0']);
    expect(await list(stranger)).toEqual({ items: [], total: 0 });
    expect(await passwords.get(stranger, world.branch.id, inputs[0]!.id)).toBeNull();
    await passwords.remove(stranger, world.branch.id, inputs[1]!.id);
    expect((await list()).total).toBe(3);
    await passwords.remove(organizationId, world.branch.id, inputs[1]!.id);
    expect(namesOf(await list())).toEqual(['app-2', 'app-0']);
    expect(await passwords.get(organizationId, world.branch.id, inputs[1]!.id)).toMatchObject({
      deletedAt: expect.any(Date),
    });
    await branches.remove(organizationId, world.database.id, world.branch.id, 'ada');
    expect(await list()).toEqual({ items: [], total: 0 });
    expect(await failureOf(passwords.create(newPassword(world)))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('those whose time is over are found once they are due', async () => {
    const store = await databases.store();
    const { passwords } = store.deploys;
    const world = await databaseOn(store);
    const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
    await passwords.create(newPassword(world, { name: 'forever' }));
    const due = await passwords.create(newPassword(world, { name: 'due', expiresAt: early }));
    await passwords.create(newPassword(world, { name: 'later', expiresAt: late }));
    expect(await passwords.expired(new Date(early.getTime() - 1))).toEqual([]);
    expect(await passwords.expired(early)).toEqual([due]);
    await passwords.remove(organizationId, world.branch.id, due.id);
    expect(namesOf({ items: await passwords.expired(late) })).toEqual(['later']);
  });
});

/** Waits until the clock shows another millisecond. */
async function past(time: Date): Promise<void> {
  while (Date.now() <= time.getTime()) await new Promise((resolve) => setTimeout(resolve, 1));
}
