import { randomUUID } from 'node:crypto';
import { decideCopies, goers } from '../../domain/rollout/claims';
import { readApplyOperation } from '../../domain/rollout/apply-row';
import type { ApplyOperation } from '../../domain/rollout/apply';
import type { OperationMoveName } from '../../domain/rollout/moves';
import type { ApplyState } from '../../domain/rollout/states';
import { Prisma } from '../../prisma/generated/sqlite/client';
import type { OperationKey } from '../../prisma/apply-store';
import type { Store } from '../../prisma/store';
import { leftOut, readCases, type Case } from '../support/cases';
import { applyWorld, nothing } from './apply-world';
import { organizationId } from './deploy-world';
import { codesOf, onBoth, range, valuesOf } from './on-both';

/* What the store keeps of applies while many write at the same moment, through two stores as two processes have them. */

const CHILDREN = 50;

onBoth('applies at the same moment', (databases) => {
  /** Two stores on one database, and an apply in it. */
  async function shared(...given: Parameters<typeof applyWorld> extends [Store, ...infer Rest] ? Rest : never) {
    const url = await databases.migrated();
    const { database, store } = await databases.database(url);
    const stores = [store, await databases.store(url)] as const;
    const world = await applyWorld(stores[0], ...given);
    /** Makes one move of each, all at once. */
    const together = (keys: readonly OperationKey[], move: (index: number) => OperationMoveName) =>
      Promise.all(keys.map((key, i) => stores[i % 2]!.rollouts.applies.move(key, move(i), { error: `disk ${i}` })));
    /** Puts all operations where their moves would bring them in the end. */
    async function at(state: ApplyState): Promise<void> {
      await database.direct((statements) =>
        statements.change(Prisma.sql`UPDATE apply_operation SET state = ${state}, started_at = ${new Date()}`),
      );
      await stores[0].rollouts.applies.recompute(organizationId, world.apply.id);
    }
    return { stores, world, together, at, applies: stores[0].rollouts.applies };
  }

  /** That every change of the apply is told once and in its order, and nothing of it was overwritten. */
  async function expectHistory(store: Store, applyId: string) {
    const { applies } = store.rollouts;
    const events = await applies.events(organizationId, 0, applyId, 10_000);
    const own = events.filter(({ operationId }) => operationId === null);
    expect(own.map(({ version }) => version)).toEqual(own.map((_, i) => i + 2));
    own.reduce((before, { from, to }) => (expect(from).toBe(before), to), 'pending');
    const apply = (await applies.get(organizationId, applyId))!;
    expect([own.at(-1)!.to, own.length + 1]).toEqual([apply.state, apply.resourceVersion]);
    return { apply, own, events };
  }

  test('many that end at once end in one verdict, found from all of them', async () => {
    const { stores, world, together, at } = await shared(CHILDREN);
    const keys = await world.begin(range(CHILDREN));
    await at('cutting_over');
    const moved = await together(keys, () => 'finishAtOnce');
    expect(moved.filter(({ apply }) => apply.state === 'completed')).toHaveLength(1);
    const { apply, own, events } = await expectHistory(stores[1], world.apply.id);
    expect(apply).toMatchObject({ state: 'completed', completedAt: expect.any(Date), determined: true });
    expect(own.filter(({ to }) => to === 'completed')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ operationId: null, to: 'completed' });
    expect(events.filter(({ operationId }) => operationId !== null)).toHaveLength(CHILDREN);
  });

  test('of many that fail and end at once none is forgotten', async () => {
    const { stores, world, together, at } = await shared(CHILDREN, { onFailure: 'continue' });
    const keys = await world.begin(range(CHILDREN));
    await at('running');
    await together(keys, (i) => (i % 2 ? 'fail' : 'cancel'));
    const { apply } = await expectHistory(stores[1], world.apply.id);
    expect(apply).toMatchObject({ state: 'failed' });
    expect(apply.error).toBe(`deployment region-1 failed: disk 1 (and ${CHILDREN / 2 - 1} more)`);
  });

  test('whatever is asked, found out and decided while others move, nothing of it is lost', async () => {
    const { stores, world, together, applies } = await shared(20);
    const { id } = world.apply;
    const keys = await world.begin(range(20));
    const over = ['acceptLosses'] as const;
    const outcomes = await Promise.allSettled([
      together(keys, () => 'begin'),
      ...(['stop', 'pause', 'cutOver', 'skipRevert'] as const).map((name, i) =>
        stores[i % 2]!.rollouts.applies.ask(organizationId, id, { [name]: 'ann' }),
      ),
      ...range(5).map((i) => stores[i % 2]!.rollouts.applies.recompute(organizationId, id)),
      ...keys.map((key) => applies.mark(key, 'alive')),
      ...keys.map((key, i) => stores[i % 2]!.rollouts.applies.note(key, { waits: `lock ${i}` })),
      ...world.ids.map((each) => world.decide({ want: { [each]: 'stop' }, over })),
    ]);
    expect(codesOf(outcomes)).toEqual([]);
    const { apply } = await expectHistory(stores[1], id);
    expect(apply.asked).toMatchObject({ stop: 'ann', pause: 'ann', cutOver: 'ann', skipRevert: 'ann', revert: null });
    const rows = await world.rows();
    expect(rows.map(({ state, wanted, worker }) => [state, wanted, worker])).toEqual(
      range(20).map(() => ['running', 'stop', 'alive']),
    );
  });

  test('one is entered once, however often at once', async () => {
    const { stores, world } = await shared(1);
    const input = { ...world.input, id: randomUUID(), number: 2 };
    const operations = world.operations.map((each) => ({ ...each, id: randomUUID() }));
    const entered = await Promise.all(range(10).map((i) => stores[i % 2]!.rollouts.applies.create(input, operations)));
    expect(new Set(entered.map(({ resourceVersion }) => resourceVersion))).toEqual(new Set([1]));
    expect(await stores[0].rollouts.applies.rows(organizationId, input.id)).toHaveLength(1);
  });

  test('what is written of one while its database is removed does not outlive it', async () => {
    const { database, store } = await databases.database();
    const { applies, locks } = store.rollouts;
    const world = await applyWorld(store, 5);
    const { id: databaseId } = world.database;
    const keys = await world.begin(range(5));
    const at = new Date();
    const outcomes = await Promise.allSettled([
      ...keys.map((key) => applies.move(key, 'begin')),
      applies.override(organizationId, world.apply.id, { environment: 'p', by: 'ann', reason: 'r', at }),
      locks.acquire(organizationId, { databaseId, deployments: [], owner: 'ann' }),
      applies.create({ ...world.input, id: randomUUID(), number: 2 }, []),
      store.deploys.databases.remove(organizationId, databaseId),
      ...keys.map(({ operationId }) => store.deploys.requests.setPlan(organizationId, operationId, '{}', [])),
      ...keys.map((key) => applies.note(key, { waits: 'a lock' })),
      applies.create({ ...world.input, id: randomUUID(), number: 3 }, []),
    ]);
    expect(codesOf(outcomes)).toEqual(codesOf(outcomes).map(() => 'NOT_FOUND'));
    const tables = [
      'deployment',
      'apply',
      'apply_operation',
      'apply_event',
      'schema_lock',
      'gate_override',
      'deploy_plan',
    ];
    const left = await Promise.all(
      tables.map((name) =>
        database.direct((statements) => statements.rows(Prisma.sql`SELECT * FROM ${Prisma.raw(name)}`)),
      ),
    );
    expect(left.flat()).toEqual([]);
  });

  test('of many who want the lock of a deployment one has it', async () => {
    const { stores, world } = await shared(1);
    const acquire = (owner: string, i: number) =>
      stores[i % 2]!.rollouts.locks.acquire(organizationId, {
        ...{ databaseId: world.database.id, deployments: ['eu', `of-${i}`], owner },
      });
    const outcomes = await Promise.allSettled(range(10).map((i) => acquire(`apply ${i}`, i)));
    const [locking, ...others] = valuesOf(outcomes);
    expect([others, codesOf(outcomes)]).toEqual([[], range(9).map(() => 'LOCK_HELD')]);
    expect(await stores[0].rollouts.locks.list(organizationId, world.database.id)).toEqual([locking!.lock]);
  });

  interface ClaimerCase extends Case {
    readonly concurrency?: number;
    readonly expected: { readonly winners: number; readonly errors: number } & Record<string, unknown>;
  }
  const file = 'apply_claim_cases.json';
  const rows = readCases<ClaimerCase>(file).filter(({ concurrency }) => concurrency !== undefined);
  test.each(rows)('$name', async ({ name, concurrency, expected }) => {
    expect(leftOut(file)).not.toHaveProperty([name]);
    const { stores, world, applies } = await shared(1);
    const seen: unknown[] = [];
    const outcomes = await Promise.allSettled(
      range(concurrency!).map(async (i) => {
        const { claimed } = await stores[i % 2]!.rollouts.applies.decide(organizationId, world.apply.id, (_, raw) => {
          const operations = raw.map((row) => readApplyOperation(row, world.apply.id) as ApplyOperation);
          const claim = nextOf(operations);
          if (claim.length > 0) seen.push(operations[0]!.state);
          return { ...nothing, claim };
        });
        return claimed;
      }),
    );
    const winners = valuesOf(outcomes).filter((claimed) => claimed.length > 0);
    const { operation } = await applies.move(winners[0]![0]!, 'begin');
    expect({
      ...{ winners: winners.length, errors: codesOf(outcomes).length },
      ...{ returned_state: seen.at(-1), persisted_state: operation.state },
    }).toEqual(expected);
    expect(operation.epoch).toBe(1);
  });

  test('of many who claim without looking one has it', async () => {
    const { stores, world } = await shared(1);
    const claims = await Promise.all(
      range(16).map((i) =>
        stores[i % 2]!.rollouts.applies.decide(organizationId, world.apply.id, () => ({
          ...{ ...nothing, claim: world.ids },
        })),
      ),
    );
    expect(claims.flatMap(({ claimed }) => claimed)).toEqual([{ organizationId, operationId: world.ids[0], epoch: 1 }]);
  });
});

/** Who begins, by the rules of a rollout. */
function nextOf(operations: readonly ApplyOperation[]): readonly string[] {
  const claimable = operations.map((each) => {
    const worker = each.worker === 'claimed' ? ('alive' as const) : each.worker;
    return { ...each, worker, tried: null };
  });
  const requests = { stop: false, start: false, pause: false };
  const plain = { cutover: 'sequential', copies: 1, deferred: false, revertTogether: true, requests, now: 0 } as const;
  return goers(decideCopies({ ...plain, operations: claimable }));
}
