import { randomUUID } from 'node:crypto';
import { defaultDatabaseSettings, type DatabaseRecord } from '../../domain/deploy/database';
import type { Database } from '../../prisma/database';
import { Prisma } from '../../prisma/generated/sqlite/client';
import {
  allOnOnePage,
  databaseOn,
  newBranch,
  newDatabase,
  newOperation,
  organizationId,
  stranger,
} from './deploy-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of databases, their branches and the accounts of these. */

const names = ({ items }: { items: readonly { name: string }[] }): string[] => items.map(({ name }) => name);

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
    expect([first, second].flatMap(names).sort()).toEqual(['Card', 'a_b', 'axb', 'cart']);
    expect(names(second)).toHaveLength(1);
    expect(names(await list({ q: 'CAR' })).sort()).toEqual(['Card', 'cart']);
    expect(names(await list({ q: '_' }))).toEqual(['a_b']);
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
    await deploys.passwords.create(password(world));
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
        passwords.create(password(world)),
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
    expect(names({ items: await deploys.databases.unfinished() }).sort()).toEqual(['deleting', 'pending']);
  });
});

/** The tables in which anything of any database is left. */
async function left(database: Database): Promise<string[]> {
  const tables = ['database_record', 'branch_record', 'branch_base', 'branch_password', 'deploy_request'];
  const found: string[] = [];
  for (const name of [...tables, 'deploy_plan', 'deploy_operation', 'deploy_review']) {
    const all = Prisma.sql`SELECT 1 AS one FROM ${Prisma.raw(name)}`;
    if ((await database.direct((statements) => statements.rows(all))).length > 0) found.push(name);
  }
  return found;
}

const password = ({ branch }: { branch: { id: string; databaseId: string } }, change: object = {}) => ({
  ...{ id: randomUUID(), branchId: branch.id, databaseId: branch.databaseId, organizationId, name: 'app' },
  ...{ role: 'readwriter' as const, username: `gw_${randomUUID()}`, createdBy: 'ada', expiresAt: null },
  ...change,
});

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
    expect(names(await deploys.branches.list(organizationId, id, allOnOnePage))).toEqual(['main', 'feature']);
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
      names(await deploys.branches.list(organizationId, id, { ...allOnOnePage, ...filter })).sort();
    expect(await list({ q: 'feat' })).toEqual(['feature-1', 'feature-2']);
    expect(await list({ production: true })).toEqual(['main']);
    expect(await list({ production: false })).toEqual(['feature-1', 'feature-2']);
    expect(await list({ safeMigrations: true })).toEqual(['feature-1']);
    expect(await list({ safeMigrations: false, q: '2' })).toEqual(['feature-2']);
    expect(names({ items: await deploys.branches.unfinished() }).sort()).toEqual(['feature-1', 'feature-2']);
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
    const inputs = range(3).map((n) => password(world, { name: `app-${n}` }));
    for (const input of inputs) {
      const made = await passwords.create(input);
      expect(made).toEqual({ ...input, createdAt: expect.any(Date), deletedAt: null });
      expect(await passwords.create(input)).toEqual(made);
      await past(made.createdAt);
    }
    const list = async (of = organizationId) => await passwords.list(of, world.branch.id, allOnOnePage);
    expect(names(await list())).toEqual(['app-2', 'app-1', 'app-0']);
    expect(await list(stranger)).toEqual({ items: [], total: 0 });
    expect(await passwords.get(stranger, world.branch.id, inputs[0]!.id)).toBeNull();
    await passwords.remove(stranger, world.branch.id, inputs[1]!.id);
    expect((await list()).total).toBe(3);
    await passwords.remove(organizationId, world.branch.id, inputs[1]!.id);
    expect(names(await list())).toEqual(['app-2', 'app-0']);
    expect(await passwords.get(organizationId, world.branch.id, inputs[1]!.id)).toMatchObject({
      deletedAt: expect.any(Date),
    });
    await branches.remove(organizationId, world.database.id, world.branch.id, 'ada');
    expect(await list()).toEqual({ items: [], total: 0 });
    expect(await failureOf(passwords.create(password(world)))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('those whose time is over are found once they are due', async () => {
    const store = await databases.store();
    const { passwords } = store.deploys;
    const world = await databaseOn(store);
    const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
    await passwords.create(password(world, { name: 'forever' }));
    const due = await passwords.create(password(world, { name: 'due', expiresAt: early }));
    await passwords.create(password(world, { name: 'later', expiresAt: late }));
    expect(await passwords.expired(new Date(early.getTime() - 1))).toEqual([]);
    expect(await passwords.expired(early)).toEqual([due]);
    await passwords.remove(organizationId, world.branch.id, due.id);
    expect(names({ items: await passwords.expired(late) })).toEqual(['later']);
  });
});

/** Waits until the clock shows another millisecond. */
async function past(time: Date): Promise<void> {
  while (Date.now() <= time.getTime()) await new Promise((resolve) => setTimeout(resolve, 1));
}
