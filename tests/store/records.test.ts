import type { JournalEntry } from '../../domain/journal';
import type { SagaState } from '../../domain/saga';
import { codesOf, failureOf, onBoth, range, valuesOf } from './on-both';

onBoth('tokens', (databases) => {
  test('are kept with their hash only, found, used and revoked', async () => {
    const { tokens } = await databases.store();
    const token = {
      id: 'abc',
      name: 'ci',
      secretHash: 'hash',
      scope: 'operate' as const,
      organizationId: 'org-1',
      expiresAt: new Date(5),
    };
    const { secretHash, ...shown } = token;
    expect(await tokens.create(token)).toMatchObject({ ...shown, revokedAt: null, lastUsedAt: null });
    expect(await failureOf(tokens.create(token))).toMatchObject({ code: 'CONFLICT' });
    expect(await tokens.find('abc')).toMatchObject({ secretHash });
    expect(await tokens.find('xyz')).toBeNull();
    expect(await tokens.list()).not.toContainEqual(expect.objectContaining({ secretHash }));
    await tokens.touch('abc');
    const used = (await tokens.find('abc'))!.lastUsedAt;
    expect(used).toBeInstanceOf(Date);
    await tokens.touch('abc');
    expect((await tokens.find('abc'))!.lastUsedAt).toEqual(used); // once a minute is enough
    const revoked = await tokens.revoke('abc');
    expect(revoked.revokedAt).toBeInstanceOf(Date);
    expect(await tokens.revoke('abc')).toEqual(revoked);
    expect(await failureOf(tokens.revoke('xyz'))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

onBoth('idempotency', (databases) => {
  const request = (subject: string, more: object = {}) => ({
    scope: 'token-1',
    key: 'k',
    bodyHash: 'h',
    subject,
    lockMs: 60_000,
    ...more,
  });

  test('of requests with one key at once one answers, and repeats get its answer', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const { idempotency } = stores[0]!;
    const outcomes = await Promise.allSettled(
      range(8).map((n) => stores[n % 2]!.idempotency.begin(request(`run-${n}`))),
    );
    expect(valuesOf(outcomes).map(({ mine }) => mine)).toEqual([true]);
    expect(codesOf(outcomes)).toEqual(range(7).map(() => 'IDEMPOTENCY_KEY_IN_FLIGHT'));
    const { subject } = valuesOf(outcomes)[0]!.record;
    expect(await failureOf(idempotency.begin(request('x', { bodyHash: 'other' })))).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    const answer = { status: 200, headers: { etag: '"1"' }, body: { gateway_hostname: 'x.test' } };
    await idempotency.finish('token-1', 'k', answer, 60_000);
    const repeat = await idempotency.begin(request('run-9'));
    expect(repeat).toMatchObject({ mine: false, record: { ...answer, subject, lockedUntil: null } });
    expect(await idempotency.begin(request('run-9', { scope: 'token-2' }))).toMatchObject({ mine: true });
  });

  test('a lock that was given up or ran out goes to one repeat, with the first subject', async () => {
    const { idempotency } = await databases.store();
    await idempotency.begin(request('run-1', { lockMs: -1 }));
    const outcomes = await Promise.allSettled(range(5).map((n) => idempotency.begin(request(`late-${n}`))));
    expect(valuesOf(outcomes).map(({ mine, record }) => [mine, record.subject])).toEqual([[true, 'run-1']]);
    expect(codesOf(outcomes)).toEqual(range(4).map(() => 'IDEMPOTENCY_KEY_IN_FLIGHT'));
    await idempotency.abandon('token-1', 'k');
    expect(await idempotency.begin(request('later'))).toMatchObject({ mine: true, record: { subject: 'run-1' } });
  });

  test('an answer that ran out is forgotten', async () => {
    const { idempotency } = await databases.store();
    await idempotency.begin(request('run-1'));
    await idempotency.finish('token-1', 'k', { status: 200, headers: {}, body: null }, -1);
    await idempotency.abandon('token-1', 'k');
    expect(await idempotency.begin(request('run-2'))).toMatchObject({ mine: true, record: { subject: 'run-2' } });
    await idempotency.finish('token-1', 'k', { status: 200, headers: {}, body: null }, -1);
    expect(await idempotency.prune()).toBe(1);
    expect(await idempotency.prune()).toBe(0);
  });
});

onBoth('webhooks', (databases) => {
  const hook = (id: string, more: object = {}) => ({
    id,
    url: 'https://example.test/hook',
    secret: 'webhook-secret',
    events: ['run.rolled_back', 'run.needs_attention', 'run.resolved'],
    organizationId: null,
    ...more,
  });
  const entry = (seq: number, state: SagaState): JournalEntry => ({
    seq,
    at: new Date(seq).toISOString(),
    runId: `run-${seq}`,
    organizationId: 'org-1',
    kind: 'gateway.start',
    type: 'run.state',
    state,
  });

  test('deliveries are planned exactly once, by whichever process', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const { webhooks } = stores[0]!;
    await webhooks.create(hook('all'));
    await webhooks.create(hook('some', { events: ['run.resolved'] }));
    await webhooks.create(hook('another organization', { organizationId: 'org-2' }));
    expect(await webhooks.planned()).toBe(0);
    const entries = [entry(1, 'running'), entry(2, 'rolled_back'), entry(3, 'needs_attention'), entry(4, 'succeeded')];
    const planned = await Promise.all(range(6).map((n) => stores[n % 2]!.webhooks.plan(entries, 4)));
    expect(planned.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await webhooks.planned()).toBe(4);
    expect(await webhooks.plan([...entries, entry(5, 'rolled_back')], 5)).toBe(1);
    const deliveries = await webhooks.deliveries('all', 9);
    expect(deliveries.map(({ event, runId, state }) => [event, runId, state])).toEqual([
      ['run.rolled_back', 'run-5', 'pending'],
      ['run.needs_attention', 'run-3', 'pending'],
      ['run.rolled_back', 'run-2', 'pending'],
    ]);
    expect(deliveries[0]!.payload).toMatchObject({
      event: 'run.rolled_back',
      seq: 5,
      run: { id: 'run-5', state: 'rolled_back' },
    });
    expect(await webhooks.deliveries('some', 9)).toEqual([]);
  });

  test('a due delivery is taken by one, comes again when its taker dies, and ends delivered or failed', async () => {
    const url = await databases.migrated();
    const stores = [await databases.store(url), await databases.store(url)];
    const { webhooks } = stores[0]!;
    await webhooks.create(hook('all'));
    await webhooks.plan(
      range(6).map((n) => entry(n + 1, 'rolled_back')),
      6,
    );
    const taken = (await Promise.all(range(4).map((n) => stores[n % 2]!.webhooks.takeDue(2, -1)))).flat();
    const lasting = (await Promise.all(range(4).map((n) => stores[n % 2]!.webhooks.takeDue(2, 60_000)))).flat();
    expect(taken.length).toBeGreaterThan(0);
    expect(new Set(lasting.map(({ id }) => id)).size).toBe(lasting.length);
    const rest = await webhooks.takeDue(9, 60_000);
    const all = [...lasting, ...rest];
    expect(new Set(all.map(({ id }) => id)).size).toBe(6);
    expect(all[0]!.webhook).toEqual(await webhooks.get('all'));
    expect(await webhooks.takeDue(9, 60_000)).toEqual([]);
    const [first, second, third] = all;
    await webhooks.recordAttempt(first!.id, { delivered: true, status: 204, error: null, nextAttemptAt: null });
    await webhooks.recordAttempt(second!.id, {
      delivered: false,
      status: 500,
      error: 'HTTP 500',
      nextAttemptAt: new Date(Date.now() - 1),
    });
    await webhooks.recordAttempt(third!.id, { delivered: false, status: null, error: 'refused', nextAttemptAt: null });
    const log = new Map((await webhooks.deliveries('all', 9)).map((delivery) => [delivery.id, delivery]));
    expect(log.get(first!.id)).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 204, nextAttemptAt: null });
    expect(log.get(second!.id)).toMatchObject({
      state: 'pending',
      attempts: 1,
      lastStatus: 500,
      lastError: 'HTTP 500',
    });
    expect(log.get(third!.id)).toMatchObject({ state: 'failed', attempts: 1, nextAttemptAt: null });
    expect((await webhooks.takeDue(9, 60_000)).map(({ id }) => id)).toEqual([second!.id]);
  });

  test('removing one takes its deliveries along', async () => {
    const { webhooks } = await databases.store();
    await webhooks.create(hook('all'));
    expect(await failureOf(webhooks.create(hook('all')))).toMatchObject({ code: 'CONFLICT' });
    await webhooks.plan([entry(1, 'rolled_back')], 1);
    expect(await webhooks.remove('all')).toBe(true);
    expect(await webhooks.remove('all')).toBe(false);
    expect(await webhooks.list()).toEqual([]);
    expect(await webhooks.deliveries('all', 9)).toEqual([]);
    expect(await webhooks.takeDue(9, 1_000)).toEqual([]);
  });
});
