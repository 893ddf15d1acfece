import { isRefused, type LintMessage } from '../../domain/schema/lint-codes';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import { lint } from '../../drivers/database/postgresql/lint';
import { openSession } from '../../drivers/database/postgresql/session';
import type { Postgres } from '../../environment/postgres';
import { planned, read, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres({ wal_level: 'logical' });
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const schema = 'shop';

let lastPlan: PlannedChange;

/** What is said of a change. @param later what is there beside what the change was planned on. */
async function said(
  change: readonly string[],
  given: readonly string[],
  later: readonly string[] = [],
  freeDiskBytes?: number,
): Promise<readonly LintMessage[]> {
  await run(server.url, schema, 'drop schema if exists shop, gatewright, far cascade', 'create schema shop', ...given);
  const plan = await planned(server.url, schema, 'lint', change);
  await run(server.url, schema, ...later);
  lastPlan = plan;
  const session = await openSession(server.url, schema);
  try {
    const disk = freeDiskBytes === undefined ? {} : { freeDiskBytes };
    return await lint(session, plan, { allowForeignKeys: true, ...disk }, work.signal);
  } finally {
    session.destroy();
  }
}

const t = 'create table t (id int primary key, a text, n numeric)';

test.each<[code: string, subject: string | null, change: string, given: readonly string[]]>([
  [
    'UNSUPPORTED_TABLE',
    null,
    'alter table t add b int',
    ['create table t (id int primary key) partition by range (id)'],
  ],
  ['UNSUPPORTED_TABLE', null, 'alter table t add b int', [t, 'create table child () inherits (t)']],
  ['UNSUPPORTED_TABLE', null, 'alter table t add b int', ['create unlogged table t (id int primary key)']],
  [
    'DEPENDENT_IN_THE_WAY',
    'rule r on table t',
    'alter table t add b int',
    [t, 'create rule r as on delete to t do also notify x'],
  ],
  [
    'DEPENDENT_IN_THE_WAY',
    'function f(t)',
    'alter table t add b int',
    [t, 'create function f(t) returns int language sql as $$select 1$$'],
  ],
  ['DEPENDENT_IN_THE_WAY', 'column x of table holder', 'alter table t add b int', [t, 'create table holder (x t[])']],
  [
    'DEPENDENT_IN_THE_WAY',
    'function g()',
    'alter table t add b int',
    [t, 'create function g() returns bigint begin atomic select count(*) from t; end'],
  ],
  [
    'DEPENDENT_IN_THE_WAY',
    'policy p on table o',
    'alter table t add b int',
    [t, 'create table o (id int)', 'create policy p on o using (exists (select from t))'],
  ],
  [
    'VIEW_IN_THE_WAY',
    'rule _RETURN on materialized view m',
    'alter table t add b int',
    [t, 'create materialized view m as select id from t'],
  ],
  [
    'VIEW_IN_THE_WAY',
    'far.v',
    'alter table t drop a',
    [t, 'create schema far', 'create view far.v as select a from shop.t'],
  ],
  ['PUBLICATION_IN_THE_WAY', 'p', 'alter table t add b int', [t, 'create publication p for all tables']],
])('%s: %s', async (code, subject, change, given) => {
  await run(server.url, schema, 'drop publication if exists p');
  const [first, ...later] = given;
  const messages = await said([change], [first!], later);
  expect(messages.map((each) => [each.code, each.subject])).toContainEqual([code, subject]);
  const before = await read(server.url, schema);
  const engine = new PostgresEngine({ url: server.url, schema });
  await expect(engine.prepare(lastPlan, work)).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });
  expect(await engine.leftovers()).toEqual([]);
  expect(await read(server.url, schema)).toEqual(before);
  await run(server.url, schema, 'drop publication if exists p');
});

test.each<[code: string, column: string | null, rows: number, change: string]>([
  ['VALUES_DO_NOT_FIT', 'a', 2, 'alter table t alter a type varchar(4)'],
  ['VALUES_CHANGE', 'n', 2, 'alter table t alter n type int'],
  ['VALUES_DO_NOT_FIT', 'a', 3, 'alter table t alter a type int using a::int'],
  ['NULLS_PRESENT', 'n', 1, 'alter table t alter n set not null'],
  ['NULLS_PRESENT', 'b', 4, 'alter table t add b int not null'],
  ['DUPLICATES_PRESENT', 'n', 2, 'alter table t add unique (n)'],
  ['CHECK_VIOLATED', null, 1, 'alter table t add check (n < 100)'],
  ['FOREIGN_KEY_VIOLATED', 'id', 3, 'alter table t add foreign key (id) references p'],
])('%s of %s', async (code, column, count, change) => {
  const messages = await said(
    [change],
    [
      t,
      'create table p (id int primary key)',
      'insert into p values (1)',
      "insert into t values (1, 'long word', 1.5), (2, 'other word', 1.5), (3, 'x', 700), (4, '12', null)",
    ],
  );
  const found = messages.find((each) => each.code === code)!;
  expect(found).toMatchObject({ column, rows: { count } });
  expect(Number(found.rows!.example.id)).toBeGreaterThan(0);
});

test('what is safe is passed', async () => {
  expect(
    await said(
      ['alter table t alter a type varchar(40), alter n type numeric(12, 4), add b int default 3'],
      [t, "insert into t values (1, 'x', 1.25)", 'create view v as select id from t'],
    ),
  ).toEqual([]);
});

test('a copy that the disk has no room for is refused, with what it takes', async () => {
  const many = "insert into t select i, repeat('x', 100), i from generate_series(1, 20000) i";
  const [few] = await said(['alter table t add b int'], [t, many], [], 2_000_000);
  expect(few).toMatchObject({
    code: 'NOT_ENOUGH_DISK',
    message: expect.stringMatching(/up to \d MB .* 2 MB are free/) as string,
  });
  expect(await said(['alter table t add b int'], [t, many], [], 100_000_000)).toEqual([]);
  // Nothing is copied then.
  expect(await said(['create table u (id int primary key)'], [t, many], [], 0)).toEqual([]);
});

test('a table that is dropped and was used is warned of', async () => {
  const used = [t, 'create table quiet (id int primary key)', "insert into t values (1, 'x', 1)"];
  const found = await eventually(
    async () =>
      await said(['drop table t', 'drop table quiet'], used, ['select pg_stat_force_next_flush()', 'select * from t']),
    (messages) => messages.some(({ code }) => code === 'RECENTLY_USED'),
  );
  expect(found.filter(({ code }) => code === 'RECENTLY_USED')).toMatchObject([
    { table: 't', message: expect.stringContaining('rows written since') as string },
  ]);
  expect(isRefused(found)).toBe(false);
});

test('a table that another change has is named with it', async () => {
  await said(['alter table t add b int'], [t]);
  const engine = new PostgresEngine({ url: server.url, schema });
  const first = { ...lastPlan, id: 'first' };
  await engine.prepare(first, work);
  const policy = { allowForeignKeys: true };
  expect(await engine.lint(lastPlan, policy, work.signal)).toMatchObject([
    { code: 'CHANGE_IN_PROGRESS', table: 't', subject: 'first' },
  ]);
  await engine.cancel(first, work);
  expect(await engine.lint(lastPlan, policy, work.signal)).toEqual([]);
});

test('a table that a subscription writes to is left alone', async () => {
  const subscribe =
    "create subscription s connection 'host=127.0.0.1 port=1' publication p with (connect = false, enabled = false, slot_name = none)";
  const subscribed =
    "insert into pg_subscription_rel (srsubid, srrelid, srsubstate) select oid, 'shop.t'::regclass, 'r' from pg_subscription";
  const messages = await said(
    ['alter table t add b int'],
    [t],
    [subscribe, 'set allow_system_table_mods = on', subscribed],
  );
  expect(messages.map(({ code, subject }) => [code, subject])).toEqual([['DEPENDENT_IN_THE_WAY', 's']]);
  await run(server.url, schema, 'drop subscription s');
});

test('what is asked of many rows ends when nobody wants to know any more', async () => {
  await said(['alter table t add b int'], [t, 'insert into t values (1)']);
  const slow = await planned(server.url, schema, 'slow', ['alter table t add check (pg_sleep(300) is not null)']);
  const stop = new AbortController();
  const asked = new PostgresEngine({ url: server.url, schema }).lint(slow, { allowForeignKeys: true }, stop.signal);
  const asking = async () => await rows(server.url, schema, running);
  const running =
    "select pid from pg_stat_activity where state = 'active' and query like '%count(*)%pg_sleep(%' and pid <> pg_backend_pid()";
  expect(await eventually(asking, (found) => found.length === 1)).toHaveLength(1);
  stop.abort();
  await expect(asked).rejects.toThrow('abort');
  expect(await eventually(asking, (found) => found.length === 0)).toEqual([]);
});

async function eventually<T>(ask: () => Promise<T>, enough: (found: T) => boolean): Promise<T> {
  for (const end = Date.now() + 10_000; ;) {
    const found = await ask();
    if (enough(found) || Date.now() > end) return found;
  }
}
