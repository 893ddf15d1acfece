import { createClient } from '@libsql/client';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onBoth, range } from './on-both';
import { sandbox } from './sandbox';

const PROCESSES = 3;
const ROUNDS = 15;
const root = join(__dirname, '../..');

async function contender(url: string, name: string): Promise<{ versions: number[]; taken: number }> {
  const args = ['-r', './tests/support/register.js', 'tests/store/contender.ts', url, name, String(ROUNDS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  return JSON.parse(stdout) as { versions: number[]; taken: number };
}

onBoth('several processes on one database', (databases) => {
  test('lose no write, and never find the pool empty that is not', async () => {
    const { database, store, url } = await databases.database();
    const { rows, values } = sandbox(database);
    await rows.putIf({ id: 'shared' }, 'MustCreate', values('0'));
    for (const id of range(PROCESSES).map(String)) {
      await store.pool.register({ id, name: id, secretHash: 'h' });
      await store.pool.announce({ id, secretHash: 'h', address: '127.0.2.1:80', servingEpoch: 0 });
    }
    const done = await Promise.all(range(PROCESSES).map((n) => contender(url, `p${n}`)));
    const total = PROCESSES * ROUNDS;
    expect(await rows.get({ id: 'shared' })).toMatchObject({ address: String(total), resourceVersion: total + 1 });
    const versions = done.flatMap((each) => each.versions);
    expect(versions.sort((a, b) => a - b)).toEqual(range(total).map((n) => n + 2));
    expect(done.map(({ taken }) => taken)).toEqual(range(PROCESSES).map(() => ROUNDS));
    const replicas = await store.pool.replicas();
    expect(replicas.reduce((sum, { epoch }) => sum + epoch, 0)).toBe(total);
    expect(replicas.filter(({ allocationId }) => allocationId !== null)).toEqual([]);
    const entries = await store.journal.after(0, { limit: 1_000 });
    expect(entries.map(({ type }) => type).sort()).toEqual([
      ...range(total).map(() => 'attempt.ended'),
      ...range(total).map(() => 'attempt.started'),
    ]);
    expect(await store.journal.closeOrphans([])).toBe(0);
    expect(new Set((await store.routes.changesSince(0)).map(({ revision }) => revision)).size).toBe(total);
  });

  if (databases.provider === 'sqlite')
    test('a file that another holds is waited for without holding up this process', async () => {
      const { store, url } = await databases.database();
      const other = createClient({ url, concurrency: 1 });
      const lock = await other.transaction('write');
      await lock.execute("INSERT INTO counter (name, value) VALUES ('theirs', 1)");
      // Only this process can let go: it never would if the writers below blocked its event loop.
      const letGo = new Promise<void>((resolve) => setTimeout(() => void lock.commit().then(resolve), 150));
      const written = Promise.all([
        store.routes.write({ allocationId: 'a', hostname: 'a.test', address: '127.0.2.1:80' }),
        store.leases.tryAcquire('x', 'A', 1_000),
        store.webhooks.plan([], 5),
      ]);
      expect(await store.routes.head()).toBe(0); // readers do not wait
      await Promise.all([letGo, written]);
      expect(await store.routes.head()).toBe(1);
      expect(await store.webhooks.planned()).toBe(5);
      other.close();
    });
});
