import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type Postgres } from '../../environment/postgres';
import { migrate } from '../../prisma/migrate';
import { openStore } from '../../prisma/open';
import type { Store } from '../../prisma/store';
import { eventually } from '../support/eventually';
import { testPostgres } from '../support/postgres';
import { failureOf, onServer } from './on-both';

const directory = mkdtempSync(join(tmpdir(), 'gatewright-unavailable-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const route = { allocationId: 'a', hostname: 'a.test', address: '127.0.2.1:80' };

/** What a request runs into: single statements and transactions of every kind. */
const uses: readonly ((store: Store) => Promise<unknown>)[] = [
  (store) => store.ping(),
  (store) => store.journal.head(),
  (store) => store.routes.write({ ...route, allocationId: 'b', hostname: 'b.test' }),
  (store) => store.pool.allocate({ allocationId: 'a', organizationId: 'o', hostname: 'a.test', runId: 'r' }),
  (store) => store.leases.tryAcquire('x', 'A', 1_000),
  (store) => store.tokens.find('abc'),
];

describe('a PostgreSQL that is away', () => {
  let server: Postgres;
  let store: Store;
  beforeAll(async () => {
    server = await testPostgres(directory);
    await migrate(server.url);
    store = await openStore(server.url);
    await store.routes.write(route);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  test('is STORE_UNAVAILABLE for every use, and is used again when it is back', async () => {
    await server.component.kill();
    for (const use of uses)
      expect(await failureOf(use(store))).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    expect(await failureOf(openStore(server.url))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await failureOf(migrate(server.url))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    server = await startPostgres({ directory, port: Number(new URL(server.url).port) });
    await eventually(() => store.ping());
    expect(await store.routes.route('a')).toMatchObject(route);
    await store.routes.remove('a');
  });

  test('what was noted meanwhile is stored in its place when it is back', async () => {
    const entry = { at: new Date(0).toISOString(), runId: 'noted', organizationId: 'o', kind: 'gateway.start' };
    const state = { ...entry, type: 'run.state', state: 'running' } as const;
    await server.component.kill();
    store.journal.note(state);
    expect(await failureOf(store.journal.append({ ...state, state: 'succeeded' }))).toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    server = await startPostgres({ directory, port: Number(new URL(server.url).port) });
    await eventually(() => store.journal.append({ ...state, state: 'rolled_back' }));
    const kept = await store.journal.after(0, { runId: 'noted', limit: 9 });
    expect(kept.map((each) => each.type === 'run.state' && each.state)).toEqual(['running', 'rolled_back']);
  });

  test('connections that the server ends cost at most the calls that had them', async () => {
    await Promise.all(Array.from({ length: 10 }, () => store.journal.head()));
    await onServer(server.url, (client) =>
      client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL',
      ),
    );
    await eventually(() => Promise.all(Array.from({ length: 10 }, () => store.journal.head())));
  });

  test('a call whose connection is ended in the middle fails, and wrote nothing', async () => {
    await onServer(server.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE counter IN ACCESS EXCLUSIVE MODE');
      const writing = failureOf(store.routes.write({ ...route, allocationId: 'c', hostname: 'c.test' }));
      await eventually(async () => {
        const ended = await onServer(server.url, (other) =>
          other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
        );
        expect(ended.rowCount).toBe(1);
      });
      expect(await writing).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await client.query('ROLLBACK');
    });
    expect(await store.routes.route('c')).toBeNull();
    await store.routes.write({ ...route, allocationId: 'c', hostname: 'c.test' });
  });
});

describe('a SQLite file that cannot be used', () => {
  test('is STORE_UNAVAILABLE when it is no database, or lies nowhere', async () => {
    const file = join(directory, 'note.db');
    writeFileSync(
      file,
      'this is no database, and it is long enough to have a header of one, which takes a hundred bytes or so.',
    );
    for (const url of [`file:${file}`, `file:${join(directory, 'nowhere', 'x.db')}`])
      expect(await failureOf(openStore(url))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await failureOf(migrate(`file:${file}`))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a URL of another kind is refused, and not shown', async () => {
    for (const url of ['mysql://root:secret@x/y', 'x.db', ''])
      expect(await failureOf(openStore(url))).toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.not.stringContaining('secret'),
      });
  });
});
