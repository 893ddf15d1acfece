import { Client } from 'pg';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, read, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres({ max_prepared_transactions: '5' });
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const schema = 'shop';
let engine: PostgresEngine;
let change: PlannedChange;
let sessions: Client[] = [];

beforeEach(async () => {
  await run(server.url, schema, 'drop schema if exists shop, gatewright cascade', 'create schema shop');
  await run(
    server.url,
    schema,
    'create table t (id int primary key, a text)',
    "insert into t select i, 'a' from generate_series(1, 500) i",
  );
  engine = new PostgresEngine({ url: server.url, schema });
  change = await planned(server.url, schema, 'swap', ['alter table t add b int']);
});

afterEach(async () => {
  for (const { gid } of await rows(server.url, schema, 'select gid from pg_prepared_xacts'))
    await run(server.url, schema, `rollback prepared '${String(gid)}'`);
  for (const session of sessions) await session.end().catch(() => undefined);
  sessions = [];
});

async function user(): Promise<Client> {
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('set search_path = shop');
  sessions.push(client);
  return client;
}

async function copied(): Promise<void> {
  await engine.prepare(change, work);
  await engine.copy(change, work);
}

test('a long transaction is named, holds nobody else up, and is ended by force', async () => {
  await copied();
  const [idle, other] = [await user(), await user()];
  await idle.query("begin; update t set a = 'mine' where id = 1");
  let [writes, done] = [0, false];
  const writing = (async () => {
    for (; !done; writes++) await other.query("update t set a = 'theirs' where id = 2");
  })();
  await expect(engine.cutOver(change, { force: false, deadlineMs: 2_000 }, work)).rejects.toMatchObject({
    code: 'CHANGE_BLOCKED',
    data: {
      // The other session may be named beside it: at the last look it, too, may be in the middle of a write.
      blockers: expect.arrayContaining([
        expect.objectContaining({ query: "begin; update t set a = 'mine' where id = 1", user: 'gatewright' }),
      ]),
    },
  });
  done = true;
  await writing;
  expect(writes).toBeGreaterThan(20);
  expect((await engine.blockers(change)).map(({ session }) => session)).toEqual([String(pidOf(idle))]);
  const swapped = await engine.cutOver(change, { force: true, deadlineMs: 200 }, work);
  expect(swapped.attempts).toBeGreaterThan(1);
  await expect(idle.query('commit')).rejects.toThrow();
  expect(await rows(server.url, schema, 'select a, b from t where id < 3 order by id')).toEqual([
    { a: 'a', b: null },
    { a: 'theirs', b: null },
  ]);
});

test('what was prepared and left is named too, and rolled back by force', async () => {
  await copied();
  const client = await user();
  await client.query("begin; delete from t where id = 9; prepare transaction 'left'");
  await expect(engine.cutOver(change, { force: false, deadlineMs: 500 }, work)).rejects.toMatchObject({
    code: 'CHANGE_BLOCKED',
    data: { blockers: [{ session: 'left' }] },
  });
  await engine.cutOver(change, { force: true, deadlineMs: 200 }, work);
  expect(await rows(server.url, schema, 'select count(*)::int as n from t')).toEqual([{ n: 500 }]);
});

test('a snapshot from before the copy is waited for, and a later one may read but not write', async () => {
  await engine.prepare(change, work);
  const old = await user();
  await old.query('begin isolation level repeatable read; select 1 from pg_class limit 1');
  await engine.copy(change, work);
  await expect(engine.cutOver(change, { force: false, deadlineMs: 500 }, work)).rejects.toMatchObject({
    code: 'CHANGE_BLOCKED',
    data: { blockers: [{ holds: 'a snapshot from before the rows were copied' }] },
  });
  await old.query('commit');
  const later = await user();
  await later.query('begin isolation level repeatable read; select 1 from pg_class limit 1');
  await engine.cutOver(change, { force: false, deadlineMs: 5_000 }, work);
  expect((await later.query('select count(*)::int as n from t')).rows).toEqual([{ n: 500 }]);
  await expect(later.query("update t set a = 'x' where id = 1")).rejects.toMatchObject({ code: '40001' });
});

test('a table that was altered, or written to without being noted, is not swapped', async () => {
  await copied();
  await run(server.url, schema, 'alter table t alter a set not null');
  await expect(engine.cutOver(change, { force: false, deadlineMs: 500 }, work)).rejects.toMatchObject({
    code: 'CHANGE_DRIFTED',
  });
  await run(server.url, schema, 'alter table t alter a drop not null');
  await run(server.url, schema, 'alter table t disable trigger all');
  await run(server.url, schema, 'delete from t where id = 3');
  await run(server.url, schema, 'alter table t enable always trigger "!gw_log", enable always trigger "!gw_truncate"');
  await expect(engine.cutOver(change, { force: false, deadlineMs: 500 }, work)).rejects.toMatchObject({
    code: 'CHANGE_DRIFTED',
  });
  await engine.cancel(change, work);
  expect(await read(server.url, schema)).toEqual(change.from);
});

test('one process has a change, and the one before it is told', async () => {
  await engine.prepare(change, work);
  let met = 0;
  const slow = new PostgresEngine({
    ...{ url: server.url, schema },
    onPoint: async (name) => {
      if (name === 'copy.chunk' && met++ === 0) await engine.copy(change, work);
    },
  });
  await expect(slow.copy(change, work)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(met).toBe(1);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 500 });
  await expect(engine.revert(change, { force: false, deadlineMs: 1 }, work)).rejects.toMatchObject({
    code: 'STATE_CONFLICT',
  });
});

test('users without rights on anything of ours write as ever, and a temporary table of theirs is in nobody’s way', async () => {
  await run(
    server.url,
    schema,
    'do $$ begin create role app; exception when duplicate_object then null; end $$',
    'grant usage on schema shop to app; grant all on t to app; grant temp on database gatewright to app',
  );
  await copied();
  const client = await user();
  await client.query(
    'set role app; create temp table log_swap_1f (op "char", k1 int, o1 int, statement text, n bigint)',
  );
  await client.query("insert into t values (1000, 'app'); update t set id = 1001 where id = 1000");
  await client.query('set session_replication_role = origin').catch(() => undefined);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 501 });
  await engine.cutOver(change, { force: false, deadlineMs: 5_000 }, work);
  await client.query("update t set a = 'later' where id = 1001");
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 501 });
});

function pidOf(client: Client): number {
  return (client as unknown as { processID: number }).processID;
}
