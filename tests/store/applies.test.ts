import { randomUUID } from 'node:crypto';
import { defaultRolloutSettings } from '../../domain/rollout/apply';
import type { Decided } from '../../domain/rollout/decided';
import { inOrder } from '../../domain/rollout/operation';
import { operationMoves } from '../../domain/rollout/moves';
import { Prisma } from '../../prisma/generated/sqlite/client';
import { readCases, type Case } from '../support/cases';
import { applyWorld, newOperations, nothing } from './apply-world';
import { allOnOnePage, newOperation, organizationId, stranger } from './deploy-world';
import { failureOf, failuresOf, onBoth } from './on-both';

/* What the store keeps of applies, and that what it says of one always follows from all its operations. */

const toWindow = ['begin', 'catchUp', 'compare', 'proved', 'park', 'cutOver', 'open'] as const;

/** A row about what is kept of operations. */
interface KeptCase extends Case {
  readonly gate: string;
  readonly rows: readonly { readonly deployment: string; readonly created_at?: string }[];
  readonly expected: {
    readonly duplicate?: string;
    readonly order?: readonly string[];
    readonly completed_at?: Readonly<Record<string, 'set' | null>>;
  };
}

onBoth('applies', (databases) => {
  test('one is entered with its operations, and a repeat gives the same', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const { input, operations, apply } = await applyWorld(store, 2, { onFailure: 'pause', environments: ['staging'] });
    const nobody = { stop: null, pause: null, cutOver: null, cancel: null, revert: null, skipRevert: null };
    expect(apply).toEqual({
      ...{ ...input, expected: 2, state: 'pending', determined: true, blamed: [], error: null, resourceVersion: 1 },
      ...{ asked: { ...nobody, acceptLosses: false }, startedAt: null, completedAt: null, revertWindowEndsAt: null },
      ...{ createdAt: expect.any(Date), updatedAt: apply.createdAt },
    });
    expect(await applies.create(input, operations)).toEqual(apply);
    const none = { errorCode: null, waits: null, startedAt: null, cutOverAt: null, completedAt: null };
    expect(await applies.operation(organizationId, operations[1]!.id)).toEqual({
      ...{ ...operations[1]!, ...none, applyId: apply.id, state: 'pending', released: false, epoch: 0, worker: 'none' },
      ...{ wanted: null, attempts: 0, firstFailedAt: null, error: null, resourceVersion: 1 },
      ...{ createdAt: apply.createdAt, updatedAt: apply.createdAt },
    });
    expect(await applies.get(stranger, apply.id)).toBeNull();
    expect(await applies.rows(stranger, apply.id)).toEqual([]);
    const refused = [
      ...[applies.operation(stranger, operations[1]!.id), applies.recompute(stranger, apply.id)],
      applies.create({ ...input, id: randomUUID(), organizationId: stranger }, []),
    ];
    for (const each of await failuresOf(refused)) expect(each).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a deployment that is named twice, or not at all, enters nothing', async () => {
    const store = await databases.store();
    const { applies, deployments } = store.rollouts;
    const { database, input } = await applyWorld(store, 1);
    const another = { ...input, id: randomUUID(), number: 2 };
    const [one, two] = newOperations(2);
    const twice = [one!, { ...two!, deploymentId: one!.deploymentId }];
    expect(await failureOf(applies.create(another, twice))).toMatchObject({
      ...{ code: 'CONFLICT', data: { reason: 'UniqueViolation' } },
    });
    expect(await applies.get(organizationId, another.id)).toBeNull();
    const place = { name: 'eu', environment: 'production', server: 'eu', schema: 'shop' };
    await deployments.add({ id: randomUUID(), organizationId, databaseId: database.id, ...place });
    expect(await failureOf(applies.create(another, [one!, two!]))).toMatchObject({ code: 'CONFLICT' });
    expect(await applies.get(organizationId, another.id)).toBeNull();
  });

  const kept = readCases<KeptCase>('apply_claim_cases.json').filter(({ gate }) => gate === 'store');
  test.each(kept)('$name', async ({ rows, expected }) => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const { duplicate, order, completed_at: completed, ...others } = expected;
    expect(others).toEqual({});
    if (duplicate) {
      const { input } = await applyWorld(store, 1);
      const [one, two] = newOperations(2);
      const again = { ...two!, deploymentId: one!.deploymentId };
      const created = applies.create({ ...input, id: randomUUID(), number: 2 }, [one!, again]);
      expect(await failureOf(created)).toMatchObject({ data: { reason: 'UniqueViolation' } });
      // Another deployment is none of its concern, nor is the same one in another apply.
      await applies.create({ ...input, id: randomUUID(), number: 3 }, [one!, two!]);
    }
    if (order) {
      const { input } = await applyWorld(store, 1);
      const at = (row: KeptCase['rows'][number]) => new Date(row.created_at ?? '2026-01-01');
      const deployments = inOrder(rows.map((row) => ({ id: row.deployment, createdAt: at(row) })));
      const operations = newOperations(rows.length).map((each, i) => ({ ...each, deploymentId: deployments[i]!.id }));
      const apply = await applies.create({ ...input, id: randomUUID(), number: 2 }, operations.reverse());
      const stored = (await applies.rows(organizationId, apply.id)) as { deploymentId: string }[];
      expect(stored.map(({ deploymentId }) => deploymentId)).toEqual(order);
    }
    for (const [state, when] of Object.entries(completed ?? {})) {
      const world = await applyWorld(store, 1);
      const ends = { cancelled: ['cancel'], stopped: ['stop'], reverted: [...toWindow, 'revert', 'reverted'] } as const;
      const [key] = await world.begin([0], ...ends[state as keyof typeof ends]);
      const operation = await applies.operation(organizationId, key!.operationId);
      expect([operation.state, operation.completedAt !== null]).toEqual([state, when === 'set']);
      expect((await world.now()).completedAt).toEqual(operation.completedAt);
    }
  });

  test('moves take an operation from its first row to its end, and its apply with it', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const [key] = await world.begin([0], 'begin');
    const begun = await applies.operation(organizationId, world.ids[0]!);
    expect(begun).toMatchObject({ state: 'running', epoch: 1, worker: 'alive', startedAt: expect.any(Date) });
    await world.decide({ want: { [world.ids[0]!]: 'cut_over' } });
    for (const move of [...toWindow, 'skipRevert', 'finish'] as const) {
      const { operation, apply } = await applies.move(key!, move, { waits: move === 'park' ? 'its turn' : null });
      expect([operation.state, apply.state]).toEqual([operationMoves[move].to, operationMoves[move].to]);
      expect(operation.waits).toBe(move === 'park' ? 'its turn' : null);
      // What it was told is done once it is live.
      expect(operation.wanted).toBe(['open', 'skipRevert', 'finish'].includes(move) ? null : 'cut_over');
      expect(operation.cutOverAt === null).toBe(operation.wanted !== null);
    }
    const ended = await world.now();
    expect(ended).toMatchObject({ state: 'completed', completedAt: expect.any(Date), startedAt: begun.startedAt });
    expect(await applies.operation(organizationId, key!.operationId)).toMatchObject({ completedAt: ended.completedAt });

    const events = await applies.events(organizationId, 0, world.apply.id);
    const own = events.filter(({ operationId }) => operationId === null);
    const states = ['running', ...toWindow.slice(1).map((move) => operationMoves[move].to)];
    expect(own.map(({ from, to }) => [from, to])).toEqual(
      ['pending', ...states, 'skipping_revert'].map((from, i, all) => [from, all[i + 1] ?? 'completed']),
    );
    expect(own.map(({ version }) => version)).toEqual(own.map((_, i) => i + 2));
    expect(ended.resourceVersion).toBe(own.length + 1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => events[0]!.seq + i));
    expect(await applies.events(stranger, 0)).toEqual([]);
    const [last] = await applies.events(organizationId, events.at(-1)!.seq - 1);
    expect(last).toMatchObject({ operationId: null, to: 'completed', text: 'It is live', at: ended.completedAt });
  });

  test('a repeat changes nothing but the notes, and what is not possible is refused', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 2);
    const [key] = await world.begin([0], 'begin');
    const before = [await world.now(), await world.rows(), await applies.events(organizationId, 0)];
    await applies.move(key!, 'begin');
    expect([await world.now(), await world.rows(), await applies.events(organizationId, 0)]).toEqual(before);
    const { operation } = await applies.move(key!, 'begin', { waits: 'a disk' });
    expect(operation).toMatchObject({ state: 'running', waits: 'a disk' });
    expect(await failureOf(applies.move(key!, 'finish'))).toMatchObject({
      ...{ code: 'STATE_CONFLICT', data: { state: 'running', epoch: 1 } },
    });
    const nobodys = { ...key!, operationId: randomUUID() };
    for (const each of await failuresOf([applies.move(nobodys, 'begin'), applies.note(nobodys, {})]))
      expect(each).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a workflow of an earlier epoch writes nothing', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const [late] = await world.begin([0], 'begin');
    await applies.mark(late!, 'lost');
    const [now] = await world.begin([0]);
    expect(now).toEqual({ ...late, epoch: 2 });
    const before = await world.rows();
    for (const each of await failuresOf([applies.move(late!, 'catchUp'), applies.note(late!, { waits: 'x' })]))
      expect(each).toMatchObject({ code: 'STATE_CONFLICT', data: { state: 'running', epoch: 2 } });
    for (const worker of ['alive', 'none', 'lost'] as const) await applies.mark(late!, worker);
    expect(await world.rows()).toEqual(before);
    expect((await applies.move(now!, 'catchUp')).operation).toMatchObject({ epoch: 2, worker: 'alive' });
  });

  test('a workflow that has ended is not there again because of a late word', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const [key] = await world.begin([0]);
    const seen: unknown[] = [];
    for (const worker of ['alive', 'lost', 'alive', 'none', 'alive', 'lost'] as const) {
      await applies.mark(key!, worker);
      seen.push((await applies.operation(organizationId, key!.operationId)).worker);
    }
    expect(seen).toEqual(['alive', 'lost', 'alive', 'none', 'none', 'none']);
  });

  test('each attempt of what failed for now is counted once, until somebody gives it a fresh budget', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const tried = async () => {
      const { attempts, firstFailedAt, state } = await applies.operation(organizationId, world.ids[0]!);
      return { attempts, firstFailedAt, state };
    };
    const [first] = await world.begin([0], 'begin');
    await applies.move(first!, 'failForNow', { error: 'the disk is full', errorCode: 'DISK' });
    await applies.mark(first!, 'none');
    const { firstFailedAt } = await tried();
    expect(await tried()).toEqual({ attempts: 0, firstFailedAt: expect.any(Date), state: 'failed_retryable' });
    const [second] = await world.begin([0]);
    expect(await tried()).toEqual({ attempts: 1, firstFailedAt, state: 'failed_retryable' });
    await applies.mark(second!, 'lost');
    await world.begin([0]);
    expect((await tried()).attempts).toBe(1);
    expect(await applies.retry(organizationId, world.apply.id, randomUUID())).toBe(0);
    expect(await applies.retry(organizationId, world.apply.id)).toBe(1);
    expect(await tried()).toEqual({ attempts: 0, firstFailedAt: null, state: 'failed_retryable' });
    expect(await applies.operation(organizationId, world.ids[0]!)).toMatchObject({ error: 'the disk is full' });
    expect((await applies.move({ ...first!, epoch: 3 }, 'goOn')).operation).toMatchObject({ error: null });
  });

  test('a decision is written whole, and one that decides nothing writes nothing', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 4);
    const [a, b, c, d] = world.ids as [string, string, string, string];
    const revertWindowEndsAt = new Date('2030-01-01');
    const decided: Decided = {
      ...{ ...nothing, claim: [a], want: { [a]: 'cut_over' }, waits: { [b]: 'a comes first', [c]: 'a comes first' } },
      ...{ moves: [{ operationId: d, move: 'cancel' }], revertWindowEndsAt },
    };
    const written = await applies.decide(organizationId, world.apply.id, (apply, rows, overrides) => {
      expect([apply.state, rows.length, overrides]).toEqual(['pending', 4, []]);
      return { ...decided, told: 'the caller' };
    });
    expect(written).toMatchObject({ decided: { told: 'the caller' }, claimed: [{ operationId: a, epoch: 1 }] });
    expect(written.apply).toEqual(await world.now());
    expect(written.apply).toMatchObject({ revertWindowEndsAt, resourceVersion: 2 });
    const seen = (await world.rows()).map(({ state, worker, wanted, waits }) => [state, worker, wanted, waits]);
    expect(seen).toEqual([
      ['pending', 'claimed', 'cut_over', null],
      ['pending', 'none', null, 'a comes first'],
      ['pending', 'none', null, 'a comes first'],
      ['cancelled', 'none', null, null],
    ]);
    // The window is set once, what was claimed is not claimed again, and all else is as it was told before.
    const before = [await world.rows(), await world.now(), await applies.events(organizationId, 0)];
    const again = await world.decide({ ...decided, revertWindowEndsAt: new Date('2031-01-01') });
    expect([again.claimed, await world.rows(), await world.now(), await applies.events(organizationId, 0)]).toEqual([
      ...[[], ...before],
    ]);
    // What nobody names any more waits for nothing; of one that is worked on, its workflow says it.
    await applies.note(written.claimed[0]!, { waits: 'a lock' });
    await world.decide({ waits: { [c]: 'a comes first' } });
    expect((await world.rows()).map(({ waits }) => waits)).toEqual(['a lock', null, 'a comes first', null]);
    expect(await failureOf(world.decide({ moves: [{ operationId: d, move: 'begin' }] }))).toMatchObject({
      ...{ code: 'STATE_CONFLICT', data: { state: 'cancelled' } },
    });
  });

  test('what people ask is kept with who did, and a pause is a state while nothing goes on by itself', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const ask = (asked: object) => applies.ask(organizationId, world.apply.id, asked);
    expect(await ask({ pause: 'ann' })).toMatchObject({ state: 'paused', asked: { pause: 'ann', stop: null } });
    expect(await ask({ pause: 'ann' })).toMatchObject({ resourceVersion: 2 });
    expect(await ask({ revert: 'bea', acceptLosses: true })).toMatchObject({
      ...{ state: 'paused', asked: { pause: 'ann', revert: 'bea', acceptLosses: true } },
    });
    const { apply } = await world.decide({ over: ['pause', 'acceptLosses', 'stop'] });
    expect(apply).toMatchObject({ state: 'pending', asked: { pause: null, revert: 'bea', acceptLosses: false } });
    const events = await applies.events(organizationId, 0);
    expect(events.map(({ version, from, to }) => [version, from, to])).toEqual([
      [2, 'pending', 'paused'],
      [3, 'paused', 'paused'],
      [4, 'paused', 'pending'],
    ]);
    expect(events[0]!.text).toContain('ann asked for a pause');
    expect(await failureOf(applies.ask(stranger, world.apply.id, {}))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('those behind a failure go on once it is released, and it fails in the end all the same', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 2, { onFailure: 'pause' });
    const [key] = await world.begin([0], 'begin');
    await applies.move(key!, 'fail', { error: 'the disk is full' });
    expect(await world.now()).toMatchObject({ state: 'paused', completedAt: null, error: null });
    expect(await applies.release(organizationId, world.apply.id)).toBe(1);
    expect(await applies.release(organizationId, world.apply.id)).toBe(0);
    expect((await world.rows())[0]).toMatchObject({ released: true });
    expect(await world.now()).toMatchObject({ state: 'running_degraded' });
    await world.begin([1], ...toWindow, 'skipRevert', 'finish');
    expect(await world.now()).toMatchObject({
      ...{ state: 'failed', error: 'deployment region-0 failed: the disk is full', completedAt: expect.any(Date) },
    });
  });

  test('what has ended stays as it is', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const [key] = await world.begin([0], 'cancel');
    const ended = await world.now();
    expect(ended).toMatchObject({ state: 'cancelled', completedAt: expect.any(Date), startedAt: null });
    expect(await failureOf(applies.move(key!, 'fail'))).toMatchObject({ code: 'STATE_CONFLICT' });
    await applies.ask(organizationId, world.apply.id, { revert: 'ann' });
    expect((await world.decide({ claim: world.ids, want: { [world.ids[0]!]: 'revert' } })).claimed).toEqual([]);
    expect(await applies.recompute(organizationId, world.apply.id)).toEqual(ended);
    expect(await world.now()).toEqual(ended);
  });

  test.each([
    ['has a state that nobody knows', "state = 'x'", "state = 'revert_window'"],
    ['has no place', 'position = NULL', 'position = 1'],
    ['is gone to another apply', "apply_id = 'another'", 'apply_id = (SELECT id FROM apply)'],
  ])('while a row %s, its apply does not end, and says so', async (_, broken, repaired) => {
    const { database, store } = await databases.database();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 2);
    const id = world.ids[1]!;
    const change = (set: string) =>
      database.direct((statements) =>
        statements.change(Prisma.sql`UPDATE apply_operation SET ${Prisma.raw(set)} WHERE id = ${id}`),
      );
    const keys = await world.begin([0, 1], ...toWindow);
    await change(broken);
    for (const move of ['skipRevert', 'finish'] as const) await applies.move(keys[0]!, move);
    const undetermined = await world.now();
    expect(undetermined).toMatchObject({ state: 'revert_window', determined: false, completedAt: null });
    expect(undetermined.blamed).not.toEqual([]);
    const isThere = broken.startsWith('apply_id') ? [] : [id];
    expect(undetermined.blamed.map(({ operation }) => operation)).toEqual(isThere.length > 0 ? isThere : ['all']);
    expect((await world.rows()).map((row) => row.id)).toEqual([world.ids[0], ...isThere]);
    // Its workflow waits for whoever repairs it; the parent decides without it.
    const stuck = await failureOf(applies.move(keys[1]!, 'skipRevert'));
    expect(stuck).toMatchObject({ code: 'CONFLICT', retryable: true, data: { reason: 'Unreadable' } });
    await world.decide({});
    expect(await applies.recompute(organizationId, world.apply.id)).toEqual(undetermined);
    const events = await applies.events(organizationId, 0, world.apply.id);
    const said = events.findLast(({ operationId }) => operationId === null);
    expect(said!.version).toBe(undetermined.resourceVersion);
    expect(said!.text).toContain(undetermined.blamed[0]!.reason);

    await change(repaired);
    expect(await applies.recompute(organizationId, world.apply.id)).toMatchObject({
      ...{ state: 'revert_window', determined: true, blamed: [], resourceVersion: undetermined.resourceVersion + 1 },
    });
    for (const move of ['skipRevert', 'finish'] as const) await applies.move(keys[1]!, move);
    expect(await world.now()).toMatchObject({ state: 'completed', determined: true });
  });

  test('columns that hold no JSON are shown as if nothing was set', async () => {
    const { database, store } = await databases.database();
    const world = await applyWorld(store, 1);
    await database.direct((statements) =>
      statements.change(Prisma.sql`UPDATE apply SET asked = 'x', settings = '[]', blamed = '{', state = 'y'`),
    );
    expect(await world.now()).toMatchObject({ settings: defaultRolloutSettings, blamed: [], state: 'pending' });
    expect((await world.now()).asked).toEqual(world.apply.asked);
    expect(await store.rollouts.applies.recompute(organizationId, world.apply.id)).toMatchObject({ state: 'pending' });
  });

  test('those of a database are listed, the newest first, and those that go on for all organizations', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const second = await applies.create({ ...world.input, id: randomUUID(), number: 2 }, newOperations(1));
    await world.begin([0], 'cancel');
    const list = async (state?: string) =>
      (await applies.list(organizationId, world.database.id, { ...allOnOnePage, ...(state && { state }) })).items;
    expect((await list()).map(({ number }) => number)).toEqual([2, 1]);
    expect((await list('cancelled')).map(({ number }) => number)).toEqual([1]);
    expect((await applies.list(stranger, world.database.id, allOnOnePage)).total).toBe(0);
    expect((await applies.unfinished()).map(({ id }) => id)).toEqual([second.id]);
  });

  test('a word on a gate is kept once, with its reason', async () => {
    const store = await databases.store();
    const { applies } = store.rollouts;
    const world = await applyWorld(store, 1);
    const override = { environment: 'production', by: 'ann', reason: 'a fix', at: new Date(5_000) };
    for (const _ of [1, 2]) await applies.override(organizationId, world.apply.id, override);
    expect(await applies.overrides(organizationId, world.apply.id)).toEqual([override]);
    expect(await applies.overrides(stranger, world.apply.id)).toEqual([]);
    expect((await applies.events(organizationId, 0)).map(({ text }) => text)).toEqual([
      'ann opened environment production: a fix',
    ]);
    await applies.decide(organizationId, world.apply.id, (_, __, overrides) => {
      expect(overrides).toEqual([override]);
      return nothing;
    });
    expect(await failureOf(applies.override(stranger, world.apply.id, override))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('each operation has a plan of its own, and the apply shows them all', async () => {
    const store = await databases.store();
    const { requests } = store.deploys;
    const world = await applyWorld(store, 2);
    const [a, b] = world.ids as [string, string];
    await requests.setPlan(organizationId, b, '{"of":"b"}', [newOperation('item'), newOperation('note')]);
    await requests.setPlan(organizationId, a, '{"of":"a"}', [newOperation('item')]);
    await requests.report(organizationId, b, { item: { percent: 50 } });
    expect(await requests.plan(organizationId, b)).toBe('{"of":"b"}');
    expect(await requests.plan(stranger, b)).toBeNull();
    const seen = (all: { requestId: string; table: string; percent: number }[]) =>
      all.map(({ requestId, table, percent }) => [requestId, table, percent]);
    const ofB = [
      [b, 'item', 50],
      [b, 'note', 0],
    ];
    expect(seen(await requests.operations(organizationId, b))).toEqual(ofB);
    const { applies } = store.rollouts;
    expect(seen(await applies.tasks(organizationId, world.apply.id))).toEqual([[a, 'item', 0], ...ofB]);
    expect(await applies.tasks(stranger, world.apply.id)).toEqual([]);
    const late = [requests.setPlan(stranger, a, '{}', []), requests.report(organizationId, randomUUID(), {})];
    for (const each of await failuresOf(late)) expect(each).toMatchObject({ code: 'NOT_FOUND' });
  });
});
