import { randomUUID } from 'node:crypto';
import type { Store } from '../../prisma/store';
import { databaseOn, newOperation, organizationId } from './deploy-world';
import { onBoth, range } from './on-both';

/* What the store keeps of what deploy requests do, how far they are, and what people say of them. */

onBoth('plans and reviews of deploy requests', (databases) => {
  const opened = async (store: Store) => {
    const { id } = await (await databaseOn(store)).open();
    return { id, requests: store.deploys.requests };
  };

  test('a plan takes the place of the one before, with its operations', async () => {
    const { id, requests } = await opened(await databases.store());
    expect(await requests.plan(organizationId, id)).toBeNull();
    expect(await requests.operations(organizationId, id)).toEqual([]);
    await requests.setPlan(organizationId, id, '{"first":1}', [newOperation('a'), newOperation('b')]);
    await requests.report(organizationId, id, { a: { percent: 50 } });
    const recentlyUsedAt = new Date('2026-03-01T10:00:00.123Z');
    const inputs = [newOperation('b', { kind: 'DROP', canDropData: true, recentlyUsedAt }), newOperation('a')];
    await requests.setPlan(organizationId, id, '{"second":2}', inputs);
    await requests.setPlan(organizationId, id, '{"second":2}', inputs);
    expect(await requests.plan(organizationId, id)).toBe('{"second":2}');
    expect(await requests.operations(organizationId, id)).toEqual(
      inputs.map((input, position) => ({
        ...{ ...input, requestId: id, position, state: 'pending', percent: 0, rowsCopied: 0, rowsPerSecond: 0 },
        ...{ etaSeconds: null, throttledBy: null, throttledAt: null, error: null },
        ...{ createdAt: expect.any(Date), updatedAt: expect.any(Date) },
      })),
    );
  });

  test('of plans set at once one is there as a whole', async () => {
    const { id, requests } = await opened(await databases.store());
    await Promise.all(
      range(5).map((n) =>
        requests.setPlan(
          organizationId,
          id,
          `${n}`,
          range(n + 1).map(() => newOperation(`table_${n}`)),
        ),
      ),
    );
    const n = Number(await requests.plan(organizationId, id));
    expect((await requests.operations(organizationId, id)).map(({ table }) => table)).toEqual(
      Array(n + 1).fill(`table_${n}`),
    );
  });

  test('reports change the tables that they name, and what they name of them', async () => {
    const { id, requests } = await opened(await databases.store());
    await requests.setPlan(organizationId, id, '{}', [newOperation('a'), newOperation('b'), newOperation('c')]);
    const throttledAt = new Date('2026-03-01T10:00:00.123Z');
    const running = { state: 'in_progress', percent: 33.4, rowsPerSecond: 120_000.5, etaSeconds: 1.5 } as const;
    await requests.report(organizationId, id, {
      a: { ...running, rowsCopied: 5_000_000_000, throttledBy: 'lag', throttledAt },
      c: { state: 'error', error: 'no room' },
      unknown: { percent: 1 },
    });
    await requests.report(organizationId, id, { a: { percent: 40, throttledBy: null } });
    expect(await requests.operations(organizationId, id)).toMatchObject([
      { ...running, percent: 40, rowsCopied: 5_000_000_000, throttledBy: null, throttledAt },
      { state: 'pending', percent: 0 },
      { state: 'error', error: 'no room', percent: 0 },
    ]);
  });

  test('reports of several tables at once are all kept', async () => {
    const { id, requests } = await opened(await databases.store());
    const tables = range(5).map((n) => `table_${n}`);
    await requests.setPlan(
      organizationId,
      id,
      '{}',
      tables.map((table) => newOperation(table)),
    );
    const report = (some: readonly string[], percent: number) =>
      requests.report(organizationId, id, Object.fromEntries(some.map((table) => [table, { percent }])));
    // In opposite orders, as rows that are locked one by one would be waited for in a circle.
    await Promise.all(range(10).map((n) => report(n % 2 ? tables : [...tables].reverse(), 50)));
    expect((await requests.operations(organizationId, id)).map(({ percent }) => percent)).toEqual(Array(5).fill(50));
  });

  test('reviews are kept in order, each once', async () => {
    const { id, requests } = await opened(await databases.store());
    const review = (body: string, state: 'approved' | 'commented', reviewId: string = randomUUID()) =>
      requests.review({ organizationId, requestId: id, id: reviewId, state, body, actor: 'bea' });
    const first = await review('why?', 'commented', 'same');
    expect(first).toEqual({
      ...{ id: 'same', requestId: id, state: 'commented', body: 'why?', actor: 'bea' },
      createdAt: expect.any(Date),
    });
    expect(await review('why?', 'commented', 'same')).toEqual(first);
    while (Date.now() <= first.createdAt.getTime()) await new Promise((resolve) => setTimeout(resolve, 1));
    await review('fine', 'approved');
    expect((await requests.reviews(organizationId, id)).map(({ body, state }) => [body, state])).toEqual([
      ['why?', 'commented'],
      ['fine', 'approved'],
    ]);
  });
});
