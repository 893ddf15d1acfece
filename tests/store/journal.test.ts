import type { NewJournalEntry } from '../../domain/journal';
import type { SagaState } from '../../domain/saga';
import type { Store } from '../../prisma/store';
import { eventually } from '../support/eventually';
import { failureOf, onBoth, onServer, range } from './on-both';

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const base = (runId: string, second = 0) => ({ at: at(second), runId, organizationId: 'org-1', kind: 'gateway.start' });
const ref = { step: 'dns', activity: 'registerDns', activityId: 'dns-1', attempt: 1, worker: 'worker-1' };

const state = (runId: string, name: SagaState, second = 0, more: object = {}): NewJournalEntry => ({
  ...base(runId, second),
  type: 'run.state',
  state: name,
  ...more,
});
const started = (runId: string, more: object = {}, second = 0): NewJournalEntry => ({
  ...base(runId, second),
  ...ref,
  phase: 'do',
  type: 'attempt.started',
  ...more,
});
const ended = (runId: string, more: object = {}, second = 0): NewJournalEntry => ({
  ...base(runId, second),
  ...ref,
  phase: 'do',
  type: 'attempt.ended',
  outcome: 'succeeded',
  ...more,
});

const all = (store: Store, runId?: string) =>
  store.journal.after(0, { limit: 1000, ...(runId !== undefined && { runId }) });

onBoth('the journal', (databases) => {
  test('keeps entries as they were, in order, in pages', async () => {
    const store = await databases.store();
    expect(await store.journal.head()).toBe(0);
    expect(await store.journal.append()).toBe(0);
    const entries = [
      state('r1', 'running'),
      started('r1', { attempt: 2 }, 1),
      ended('r2', { outcome: 'failed', error: { code: 'DNS_REFUSED', message: 'no “zone”' } }, 2),
    ];
    const last = await store.journal.append(...entries);
    const kept = await all(store);
    expect(kept.map(({ seq: _, ...entry }) => entry)).toEqual(entries);
    expect(kept.at(-1)!.seq).toBe(last);
    expect(await store.journal.head()).toBe(last);
    expect(kept.map(({ seq }) => seq)).toEqual([...kept.map(({ seq }) => seq)].sort((a, b) => a - b));
    expect((await store.journal.after(kept[0]!.seq, { limit: 1 })).map(({ seq }) => seq)).toEqual([kept[1]!.seq]);
    expect(await all(store, 'r2')).toHaveLength(1);
    const runs = (...runIds: string[]) => store.journal.after(0, { runIds, limit: 9 });
    expect([await runs('r1', 'r2'), await runs('r2', 'r3')]).toEqual([kept, kept.slice(2)]);
    expect(await runs()).toEqual([]);
    expect(await store.journal.after(0, { organizationId: 'org-2', limit: 9 })).toEqual([]);
    expect(await store.journal.after(last, { limit: 9 })).toEqual([]);
  });

  test('an entry that nobody waits for is stored before the next one, and soon where there is none', async () => {
    const store = await databases.store();
    await store.journal.append(started('r'));
    store.journal.note(ended('r'));
    expect((await all(store)).map(({ type }) => type)).toEqual(['attempt.started']);
    await store.journal.append(state('r', 'succeeded', 2));
    expect((await all(store)).map(({ type }) => type)).toEqual(['attempt.started', 'attempt.ended', 'run.state']);
    store.journal.note(ended('r', { attempt: 2 }));
    await eventually(async () => expect(await all(store)).toHaveLength(4));
    store.journal.note(ended('r', { attempt: 3 }));
    await store.journal.settled();
    expect(await all(store)).toHaveLength(5);
  });

  test('entries that come at the same moment each get their own number, and one that cannot be kept fails alone', async () => {
    const store = await databases.store();
    await store.journal.append(state('r', 'running'));
    const append = (index: number) =>
      index === 7
        ? store.journal.append({ ...started('r'), organizationId: null as never })
        : store.journal.append(started('r', { attempt: index }), ended('r', { attempt: index }));
    const results = await Promise.allSettled(range(20).map(append));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(results[7]!.status).toBe('rejected');
    // On PostgreSQL the number that was not used holds readers up for a moment.
    await eventually(async () => expect(await all(store)).toHaveLength(1 + 19 * 2));
    const kept = await all(store);
    for (const [index, result] of results.entries())
      if (result.status === 'fulfilled')
        expect(kept.find(({ seq }) => seq === result.value)).toMatchObject({ type: 'attempt.ended', attempt: index });
  });

  test('folds the row of a run: opened by its first entry, taken back by the first undo, ended by its state', async () => {
    const store = await databases.store();
    await store.journal.append(started('r', {}, 1));
    expect(await store.journal.run('r')).toMatchObject({
      state: 'running',
      startedAt: new Date(at(1)),
      kind: 'gateway.start',
      resourceVersion: 1,
    });
    await store.journal.append(
      ended('r', {}, 2),
      started('r', { activityId: 'x' }, 3),
      ended('r', { activityId: 'x' }, 4),
    );
    expect((await store.journal.run('r'))!.resourceVersion).toBe(1);
    await store.journal.append(started('r', { phase: 'undo' }, 5));
    expect(await store.journal.run('r')).toMatchObject({ state: 'rolling_back', endedAt: null });
    const error = { code: 'HANDSHAKE_TIMEOUT', message: 'it did not answer' };
    await store.journal.append(state('r', 'rolled_back', 6, { error }));
    expect(await store.journal.run('r')).toMatchObject({
      state: 'rolled_back',
      endedAt: new Date(at(6)),
      error,
      startedAt: new Date(at(1)),
    });
    expect(await store.journal.run('unknown')).toBeNull();
  });

  test('a run does not leave a terminal state, also not for a process that has not seen it', async () => {
    const url = await databases.migrated();
    const [one, other] = [await databases.store(url), await databases.store(url)];
    await one.journal.append(state('r', 'running', 1));
    await other.journal.append(state('r', 'succeeded', 2));
    const before = await one.journal.run('r');
    await one.journal.append(started('r', { phase: 'undo' }, 3));
    await one.journal.append(state('r', 'needs_attention', 4), state('r', 'rolled_back', 5));
    await (await databases.store(url)).journal.append(state('r', 'running', 6));
    expect(await one.journal.run('r')).toEqual(before);
    expect(await all(one, 'r')).toHaveLength(6);
  });

  test('attention has a beginning that is kept until it ends', async () => {
    const store = await databases.store();
    await store.journal.append(state('r', 'running', 1), state('r', 'needs_attention', 2));
    await store.journal.append(
      state('r', 'needs_attention', 9, { severity: 'critical' }),
      started('r', { phase: 'undo' }, 10),
    );
    expect(await store.journal.run('r')).toMatchObject({
      state: 'needs_attention',
      attentionSince: new Date(at(2)),
      severity: 'critical',
    });
    await store.journal.append(state('s', 'needs_attention', 1));
    expect((await store.journal.attention({ limit: 9 })).map(({ id, severity }) => [id, severity])).toEqual([
      ['s', 'warning'],
      ['r', 'critical'],
    ]);
    expect(await store.journal.attention({ organizationId: 'org-2', limit: 9 })).toEqual([]);
    await store.journal.append(state('r', 'rolling_back', 11));
    expect(await store.journal.run('r')).toMatchObject({ state: 'rolling_back', attentionSince: null, severity: null });
    await store.journal.append(state('r', 'needs_attention', 12));
    expect((await store.journal.run('r'))!.attentionSince).toEqual(new Date(at(12)));
    await store.journal.append(state('r', 'abandoned', 13));
    expect(await store.journal.run('r')).toMatchObject({ attentionSince: null, endedAt: new Date(at(13)) });
    expect((await store.journal.attention({ limit: 9 })).map(({ id }) => id)).toEqual(['s']);
  });

  test('runs come newest first, filtered and in pages', async () => {
    const store = await databases.store();
    for (const n of range(5))
      await store.journal.append(state(`r${n}`, n % 2 ? 'succeeded' : 'running', Math.floor(n / 2)));
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await store.journal.runs({ limit: 2, ...(cursor !== undefined && { cursor }) });
      pages.push(page.runs.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(pages).toEqual([['r4', 'r3'], ['r2', 'r1'], ['r0']]);
    expect((await store.journal.runs({ state: 'succeeded', limit: 9 })).runs.map(({ id }) => id)).toEqual(['r3', 'r1']);
    expect((await store.journal.runs({ needsAttention: true, limit: 9 })).runs).toEqual([]);
    expect((await store.journal.runs({ organizationId: 'org-2', limit: 9 })).runs).toEqual([]);
    expect(await failureOf(store.journal.runs({ limit: 2, cursor: 'nonsense' }))).toMatchObject({
      code: 'INVALID_INPUT',
    });
    expect((await store.journal.counts()).sort((a, b) => a.count - b.count)).toEqual([
      { kind: 'gateway.start', state: 'succeeded', count: 2 },
      { kind: 'gateway.start', state: 'running', count: 3 },
    ]);
  });

  test('closes what a dead worker left open, once, and nothing else', async () => {
    const url = await databases.migrated();
    const [one, other] = [await databases.store(url), await databases.store(url)];
    const dead = { worker: 'dead' };
    await one.journal.append(started('r', dead), ended('r', dead));
    await one.journal.append(started('r', { ...dead, attempt: 2 }), started('r', { ...dead, activityId: 'dns-2' }));
    await one.journal.append(started('r', { worker: 'alive', activityId: 'dns-3' }));
    const closed = await Promise.all(range(4).map((n) => (n % 2 ? one : other).journal.closeOrphans(['alive'])));
    expect(closed.reduce((sum, count) => sum + count, 0)).toBe(2);
    const ends = (await all(one)).filter((entry) => entry.type === 'attempt.ended' && entry.outcome === 'unknown');
    expect(ends.map((entry) => 'attempt' in entry && [entry.activityId, entry.attempt, entry.worker]).sort()).toEqual([
      ['dns-1', 2, 'dead'],
      ['dns-2', 1, 'dead'],
    ]);
    expect(await one.journal.closeOrphans(['alive'])).toBe(0);
    await one.journal.append(ended('r', { worker: 'alive', activityId: 'dns-3' }));
    expect(await one.journal.closeOrphans([])).toBe(0);
    await one.journal.append(started('r', { ...dead, attempt: 9 }));
    expect(await other.journal.closeOrphans(['alive'])).toBe(1);
  });

  test('an attempt that stays open while thousands of others pass is still closed when its worker dies', async () => {
    const url = await databases.migrated();
    const store = await databases.store(url);
    await store.journal.append(started('r', { activityId: 'long' }));
    for (const batch of range(6)) {
      const pairs = range(100).flatMap((n) => [
        started(`r${batch}`, { activityId: `a${n}` }),
        ended(`r${batch}`, { activityId: `a${n}` }),
      ]);
      await store.journal.append(...pairs);
      expect(await store.journal.closeOrphans(['worker-1'])).toBe(0);
    }
    await store.journal.append(ended('r', { activityId: 'long' }), started('r', { activityId: 'last' }));
    expect(await store.journal.closeOrphans(['worker-1'])).toBe(0); // moves the watermark, kept for whoever comes next
    expect(await (await databases.store(url)).journal.closeOrphans([])).toBe(1);
  });

  test('a reader that follows while others write sees every entry once, in order', async () => {
    const url = await databases.migrated();
    const writers = [await databases.store(url), await databases.store(url)];
    const reader = await databases.store(url);
    const seen: number[] = [];
    const names: string[] = [];
    const follow = async (): Promise<void> => {
      for (const entry of await reader.journal.after(seen.at(-1) ?? 0, { limit: 7 })) {
        seen.push(entry.seq);
        names.push(entry.runId);
      }
    };
    const writing = Promise.all(
      range(120).map((n) => writers[n % 2]!.journal.append(started(`r${n}`), ended(`r${n}`))),
    );
    await eventually(async () => {
      await follow();
      expect(seen).toHaveLength(240);
    });
    await writing;
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(new Set(names).size).toBe(120);
  });

  if (databases.provider === 'postgresql') {
    const insert = (runId: string): string =>
      `INSERT INTO journal_entry (run_id, organization_id, type, entry) VALUES ('${runId}', 'org-1', 'run.state', '${JSON.stringify(state(runId, 'running'))}')`;

    test('an entry that is still being committed is waited for, not skipped', async () => {
      const url = await databases.migrated();
      const store = await databases.store(url);
      await store.journal.append(state('first', 'running'));
      await onServer(url, async (client) => {
        await client.query('BEGIN');
        await client.query(insert('slow'));
        await store.journal.append(state('quick', 'running'));
        expect((await all(store)).map(({ runId }) => runId)).toEqual(['first']);
        expect(await store.journal.after(1, { runId: 'quick', limit: 9 })).toEqual([]);
        expect(await store.journal.head()).toBe(1);
        await client.query('COMMIT');
      });
      expect((await all(store)).map(({ runId }) => runId)).toEqual(['first', 'slow', 'quick']);
      expect(await store.journal.head()).toBe(3);
    });

    test('one that was rolled back holds the reader up for a moment only', async () => {
      const url = await databases.migrated();
      const store = await databases.store(url);
      await onServer(url, async (client) => {
        await client.query('BEGIN');
        await client.query(insert('never'));
        await client.query('ROLLBACK');
      });
      await onServer(url, async (client) => {
        await client.query('BEGIN');
        await client.query(insert('never either'));
        await client.query('ROLLBACK');
      });
      await store.journal.append(state('next', 'running'));
      expect(await all(store)).toEqual([]); // 1 and 2 may still come
      await eventually(async () => expect((await all(store)).map(({ runId }) => runId)).toEqual(['next']));
    });
  }
});
