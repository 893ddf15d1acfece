import { isOpen, type DeployRequest } from '../../domain/deploy/request';
import {
  deploymentMoves,
  DeploymentState,
  holdsPlace,
  isTerminal,
  type DeploymentMoveName,
} from '../../domain/deploy/states';
import { Prisma } from '../../prisma/generated/sqlite/client';
import { allOnOnePage, databaseOn, newDatabase, newOperation, organizationId, stranger } from './deploy-world';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of deploy requests. */

const numbers = (requests: readonly DeployRequest[]): number[] => requests.map(({ number }) => number);
const toGate = ['pass', 'deploy', 'submit', 'begin', 'gate'] as const;

onBoth('deploy requests', (databases) => {
  test('one is opened as pending, and a repeat gives the same', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const { notes, actor, autoCutover, autoDeleteBranch, throttle, ...identity } = world.newRequest({
      autoCutover: true,
    });
    const input = { ...identity, notes, actor, autoCutover, autoDeleteBranch, throttle };
    const opened = await requests.open(input);
    const nobody = { cutover: null, cutoverActor: null, cancelActor: null, revertActor: null };
    const notYet = {
      ...{ queuedAt: null, submittedAt: null, startedAt: null, readyToCutoverAt: null, cutoverAt: null },
      ...{ forceCutoverRequestedAt: null, revertWindowEndsAt: null, finishedAt: null },
    };
    expect(opened).toEqual({
      ...{ ...identity, notes, actor, number: 1, resourceVersion: 1 },
      ...{
        closedBy: null,
        closedAt: null,
        deployedAt: null,
        renames: [],
        createdAt: expect.any(Date),
        updatedAt: opened.createdAt,
      },
      deployment: {
        ...{ state: 'pending', autoCutover: true, autoDeleteBranch: false, instant: false, instantEligible: false },
        ...{ throttle: 0.25, lint: [], error: null, storage: null, ...nobody, ...notYet },
      },
    });
    expect(await requests.open(input)).toEqual(opened);
    expect(await requests.get(organizationId, world.database.id, 1)).toEqual(opened);
    expect(await requests.byId(organizationId, input.id)).toEqual(opened);
    const renames = [{ table: 'orders', from: 'note', to: 'remark' }];
    expect(await requests.open(world.newRequest({ renames }))).toMatchObject({ number: 2, renames });
  });

  test('of ten opened at once none fails, and their numbers are 1 to 10', async () => {
    const store = await databases.store();
    const world = await databaseOn(store);
    const opened = await Promise.all(range(10).map(() => world.open()));
    expect(numbers(opened).sort((a, b) => a - b)).toEqual(range(10).map((n) => n + 1));
    const other = await store.deploys.databases.create(newDatabase({ name: 'other' }));
    expect((await world.open({ databaseId: other.id })).number).toBe(1); // each database counts for itself
  });

  test('the same call ten times at once opens one, and takes one number', async () => {
    const store = await databases.store();
    const world = await databaseOn(store);
    const input = world.newRequest();
    const opened = await Promise.all(range(10).map(() => store.deploys.requests.open(input)));
    expect(numbers(opened)).toEqual(Array(10).fill(1));
    expect((await world.open()).number).toBe(2);
  });

  test('requests opened while the database is removed do not outlive it', async () => {
    const { database, store } = await databases.database();
    const world = await databaseOn(store);
    const opening = Promise.allSettled(range(10).map(() => world.open()));
    await store.deploys.databases.remove(organizationId, world.database.id);
    expect(codesOf(await opening)).toEqual(codesOf(await opening).map(() => 'NOT_FOUND'));
    expect(await failureOf(world.open())).toMatchObject({ code: 'NOT_FOUND' });
    const left = await database.direct((statements) => statements.rows(Prisma.sql`SELECT id FROM deploy_request`));
    expect(left).toEqual([]);
  });

  test('every move goes from where its table says, and from nowhere else', async () => {
    const { database, store } = await databases.database();
    const { requests } = store.deploys;
    const { id } = await (await databaseOn(store)).open();
    for (const move of Object.keys(deploymentMoves) as DeploymentMoveName[]) {
      const { to } = deploymentMoves[move];
      const from = deploymentMoves[move].from as readonly DeploymentState[];
      for (const state of Object.values(DeploymentState)) {
        await database.direct((statements) =>
          statements.change(
            Prisma.sql`UPDATE deploy_request SET state = ${state}, resource_version = 7 WHERE id = ${id}`,
          ),
        );
        const attempt = requests.move(organizationId, id, move);
        const moved = from.includes(state);
        if (moved || state === to) {
          const { deployment, resourceVersion } = await attempt;
          expect([move, state, deployment.state, resourceVersion]).toEqual([move, state, to, moved ? 8 : 7]);
        } else {
          expect([move, await failureOf(attempt)]).toMatchObject([move, { code: 'STATE_CONFLICT', data: { state } }]);
          expect((await requests.byId(organizationId, id))!.resourceVersion).toBe(7);
        }
      }
    }
  });

  test('what is noted with a move is written with it, also by a repeat', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const { id } = await (await databaseOn(store)).open();
    const lint = [
      { code: 'DROPS_DATA', table: 'item', column: 'name', subject: null, message: 'drops item.name', rows: null },
    ] as const;
    const storage = { bytesNeeded: 5_000_000_000, bytesFree: null };
    const moved = await requests.move(organizationId, id, 'pass', { lint, instantEligible: true, storage });
    expect(moved.deployment).toMatchObject({ state: 'ready', lint, instantEligible: true, storage });
    const queuedAt = new Date('2026-03-01T10:00:00.123Z');
    expect((await requests.move(organizationId, id, 'pass', { queuedAt })).deployment).toEqual({
      ...moved.deployment,
      queuedAt,
    });
    const error = { code: 'STEP_TIMEOUT', message: 'it took too long' } as const;
    const noted = await requests.note(organizationId, id, { error, notes: 'mind the lock', throttle: 0.95 });
    expect(noted).toMatchObject({ notes: 'mind the lock', deployment: { error, throttle: 0.95, lint, queuedAt } });
    const cleared = await requests.note(organizationId, id, { error: null, queuedAt: null, throttle: undefined });
    expect(cleared.deployment).toMatchObject({ error: null, queuedAt: null, throttle: 0.95 });
    expect(cleared.resourceVersion).toBe(5);
    // What is refused notes nothing.
    await failureOf(requests.move(organizationId, id, 'reverted', { throttle: 0 }));
    expect(await requests.byId(organizationId, id)).toEqual(cleared);
  });

  test('of two moves from one state at once exactly one is made', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    for (let round = 0; round < 5; round++) {
      const { id } = await world.at(...toGate);
      const outcomes = await Promise.allSettled([
        requests.move(organizationId, id, 'cutOver', { cutoverActor: 'ada' }),
        requests.move(organizationId, id, 'cancel', { cancelActor: 'bea' }),
      ]);
      const [won] = valuesOf(outcomes);
      expect(codesOf(outcomes)).toEqual(['STATE_CONFLICT']);
      expect(await requests.byId(organizationId, id)).toEqual(won);
      const { state, cutoverActor, cancelActor } = won!.deployment;
      expect([state, cutoverActor, cancelActor]).toEqual(
        state === 'in_progress_cutover' ? [state, 'ada', null] : ['in_progress_cancel', null, 'bea'],
      );
    }
  });

  test('of close and deploy at once exactly one succeeds', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    for (let round = 0; round < 10; round++) {
      const { id } = await world.at('pass');
      const close = () => requests.close(organizationId, id, 'ada');
      const deploy = () => requests.deployed(organizationId, id, true);
      const outcomes = await Promise.allSettled(round % 2 ? [close(), deploy()] : [deploy(), close()]);
      expect([valuesOf(outcomes).length, codesOf(outcomes)]).toEqual([1, ['STATE_CONFLICT']]);
      const { closedAt, deployedAt, deployment } = (await requests.byId(organizationId, id))!;
      expect((closedAt === null) !== (deployedAt === null)).toBe(true);
      expect([deployment.state, deployment.instant]).toEqual(closedAt ? ['ready', false] : ['queued', true]);
    }
  });

  test('deploy is accepted once, from ready alone; a lost answer can be asked for again', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const early = await world.at();
    expect(await failureOf(requests.deployed(organizationId, early.id, false))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'deploy request is still being prepared',
      data: { state: 'pending' },
    });
    const accepted = await world.at('pass', 'deploy');
    expect(accepted).toMatchObject({ deployedAt: expect.any(Date), deployment: { state: 'queued', instant: false } });
    expect(accepted.deployment.queuedAt).toEqual(accepted.deployedAt);
    expect(await requests.deployed(organizationId, accepted.id, false)).toEqual(accepted);
    expect(await failureOf(requests.deployed(organizationId, accepted.id, true))).toMatchObject({
      message: 'deploy request already deployed',
    });
    const later = await world.at('pass', 'deploy', 'submit');
    expect(await failureOf(requests.deployed(organizationId, later.id, false))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'deploy request already deployed',
      data: { state: 'submitting' },
    });
    expect(await failureOf(requests.close(organizationId, later.id, 'ada'))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'cannot close: deploy request has been deployed',
    });
  });

  test('one is closed once, by one person', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const { id } = await (await databaseOn(store)).at('pass');
    const closed = await requests.close(organizationId, id, 'ada');
    expect(closed).toMatchObject({ closedBy: 'ada', closedAt: expect.any(Date), deployment: { state: 'ready' } });
    expect(await requests.close(organizationId, id, 'ada')).toEqual(closed);
    const refused = { code: 'STATE_CONFLICT', message: 'deploy request is already closed' };
    expect(await failureOf(requests.close(organizationId, id, 'bea'))).toMatchObject(refused);
    expect(await failureOf(requests.deployed(organizationId, id, false))).toMatchObject({
      message: 'cannot deploy: deploy request is closed',
    });
    expect(await requests.byId(organizationId, id)).toEqual(closed);
  });

  test('lists are newest first, and filter', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const closed = await world.at('pass');
    await requests.close(organizationId, closed.id, 'ada');
    const noted = { startedAt: new Date('2026-03-01T00:00:00Z') };
    const complete = await world.at(...toGate, 'cutOver', 'finishAtOnce');
    await requests.note(organizationId, complete.id, noted);
    await world.at('pass', 'deploy');
    await world.at('passEmpty');
    await world.open({ branch: 'other' });
    const list = async (filter: object) =>
      await requests.list(organizationId, world.database.id, { ...allOnOnePage, ...filter });
    const found = async (filter: object) => numbers((await list(filter)).items);
    expect(await found({})).toEqual([5, 4, 3, 2, 1]);
    expect(await list({ perPage: 2, page: 2 })).toMatchObject({ items: [{ number: 3 }, { number: 2 }], total: 5 });
    expect(await found({ state: 'open' })).toEqual([5, 4, 3]);
    expect(await found({ state: 'closed' })).toEqual([2, 1]);
    expect(await found({ state: 'deployed' })).toEqual([3, 2]);
    expect(numbers((await list({})).items.filter(isOpen))).toEqual(await found({ state: 'open' }));
    expect(await found({ branch: 'feature', state: 'open' })).toEqual([4, 3]);
    expect(await found({ intoBranch: 'feature' })).toEqual([]);
    expect(await found({ runningAt: { from: noted.startedAt, until: noted.startedAt } })).toEqual([2]);
    expect(await found({ runningAt: { from: new Date(noted.startedAt.getTime() + 1) } })).toEqual([]);
    const { deployedAt } = (await requests.get(organizationId, world.database.id, 2))!;
    expect(await found({ deployedAt: { until: new Date(deployedAt!.getTime() - 1) } })).toEqual([]);
    expect(await found({ deployedAt: { from: deployedAt } })).toEqual([3, 2]);
  });

  test('those that wait or hold a place are in the order in which they were accepted', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const [first, second] = [await world.at('pass'), await world.at('pass')];
    await world.at('pass');
    await world.at(...toGate, 'cutOver', 'finishAtOnce');
    const { deployedAt } = await requests.deployed(organizationId, second.id, false);
    while (Date.now() <= deployedAt!.getTime()) await new Promise((resolve) => setTimeout(resolve, 1));
    await requests.deployed(organizationId, first.id, false);
    await requests.move(organizationId, second.id, 'submit');
    expect(numbers(await requests.inLine(organizationId, world.database.id))).toEqual([2, 1]);
    await requests.move(organizationId, second.id, 'fail'); // it holds its place until a person has looked
    expect(numbers(await requests.inLine(organizationId, world.database.id))).toEqual([2, 1]);
    await requests.move(organizationId, second.id, 'unblock');
    expect(numbers(await requests.inLine(organizationId, world.database.id))).toEqual([1]);
    expect(await requests.inLine(stranger, world.database.id)).toEqual([]);
  });

  test('those whose workflow should run are all that are not over', async () => {
    const { database, store } = await databases.database();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const states = Object.values(DeploymentState);
    for (const state of states) {
      const { id } = await world.open({ branch: state });
      await database.direct((statements) =>
        statements.change(Prisma.sql`UPDATE deploy_request SET state = ${state} WHERE id = ${id}`),
      );
    }
    const { id } = await world.at('pass');
    await requests.close(organizationId, id, 'ada');
    expect((await requests.unfinished()).map(({ branch }) => branch).sort()).toEqual(
      states.filter((state) => !isTerminal(state) || holdsPlace(state)).sort(),
    );
  });

  test('another organization sees and changes nothing', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await databaseOn(store);
    const request = await world.at('pass');
    const { id } = request;
    await requests.setPlan(organizationId, id, '{}', [newOperation('item')]);
    await requests.review({ organizationId, requestId: id, id: 'r', state: 'commented', body: 'hm', actor: 'bea' });
    const operations = await requests.operations(organizationId, id);
    expect(await requests.get(stranger, world.database.id, 1)).toBeNull();
    expect(await requests.byId(stranger, id)).toBeNull();
    expect(await requests.list(stranger, world.database.id, allOnOnePage)).toEqual({ items: [], total: 0 });
    expect(await requests.plan(stranger, id)).toBeNull();
    expect(await requests.operations(stranger, id)).toEqual([]);
    expect(await requests.reviews(stranger, id)).toEqual([]);
    for (const attempt of [
      requests.open(world.newRequest({ organizationId: stranger })),
      requests.move(stranger, id, 'deploy'),
      requests.note(stranger, id, { throttle: 0 }),
      requests.close(stranger, id, 'eve'),
      requests.deployed(stranger, id, false),
      requests.setPlan(stranger, id, '{"mine":true}', []),
      requests.report(stranger, id, { item: { percent: 100 } }),
      requests.review({ organizationId: stranger, requestId: id, id: 's', state: 'approved', body: '', actor: 'eve' }),
    ])
      expect(await failureOf(attempt)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await requests.byId(organizationId, id)).toEqual(request);
    expect(await requests.plan(organizationId, id)).toBe('{}');
    expect(await requests.operations(organizationId, id)).toEqual(operations);
    expect(await requests.reviews(organizationId, id)).toHaveLength(1);
  });
});
