import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, read, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres();
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const patient = { force: false, deadlineMs: 10_000 };
const schema = 'shop';

/** A schema with these things in it, an engine on it, and how to work with both. */
async function given(...statements: readonly string[]) {
  const quoted = `"${schema}"`;
  await run(
    server.url,
    schema,
    `DROP SCHEMA IF EXISTS ${quoted}, gatewright CASCADE`,
    `CREATE SCHEMA ${quoted}`,
    ...statements,
  );
  return {
    engine: new PostgresEngine({ url: server.url, schema }),
    sql: async (...more: readonly string[]) => await run(server.url, schema, ...more),
    all: async (query: string) => await rows(server.url, schema, query),
    model: async () => await read(server.url, schema),
    plan: async (...change: readonly string[]) => await planned(server.url, schema, 'change-1', change),
  };
}

/** Lets follow run beside something. */
async function following(
  engine: PostgresEngine,
  change: Parameters<PostgresEngine['follow']>[0],
  action: () => Promise<void>,
) {
  const stop = new AbortController();
  const followed = engine.follow(change, { signal: stop.signal });
  try {
    await action();
    await until(async () => (await engine.state(change.id))!.tables.every(({ logLength }) => logLength === 0));
  } finally {
    stop.abort();
    await followed;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition());)
    if (Date.now() > end) throw new Error('it did not come true in 10 s');
}

test('a table goes there, back and there again, and every write is on both sides', async () => {
  const { engine, sql, all, model, plan } = await given(
    'create table t (id int primary key, a text, gone text default $$g$$)',
    "insert into t select i, 'a' || i, 'kept' || i from generate_series(1, 3000) i",
  );
  const before = await model();
  const change = await plan('alter table t drop gone, add fresh int not null default 7, alter a type varchar(30)');
  await engine.prepare(change, work);
  await sql("update t set a = 'early' where id = 1", 'delete from t where id = 2', "insert into t values (5000, 'x')");
  await engine.copy(change, work);
  expect((await engine.state(change.id))!.phase).toBe('copied');
  await following(engine, change, async () => {
    await sql("update t set a = 'late' where id = 3", 'update t set id = 6000 where id = 4');
  });
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 3000 });
  await engine.cutOver(change, patient, work);
  expect(await model()).toEqual(change.to);
  await following(engine, change, async () => {
    await sql(
      "update t set a = 'new', fresh = 8 where id = 5",
      'update t set id = 7000 where id = 6',
      "insert into t (id, a) values (8000, 'new')",
      'delete from t where id = 7',
    );
  });
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  expect(await engine.losses(change, work)).toMatchObject([{ column: 'fresh', rows: 1, example: { id: '5' } }]);
  await expect(engine.revert(change, patient, work)).rejects.toMatchObject({ code: 'REVERT_LOSES' });
  await engine.revert(change, { ...patient, acceptLosses: true }, work);
  expect(await model()).toEqual(before);
  expect(await all('select * from t where id in (1, 2, 3, 4, 5, 6, 7, 5000, 6000, 7000, 8000) order by id')).toEqual([
    { id: 1, a: 'early', gone: 'kept1' },
    { id: 3, a: 'late', gone: 'kept3' },
    { id: 5, a: 'new', gone: 'kept5' },
    { id: 5000, a: 'x', gone: 'g' },
    { id: 6000, a: 'a4', gone: 'kept4' },
    { id: 7000, a: 'a6', gone: 'kept6' },
    { id: 8000, a: 'new', gone: 'g' },
  ]);
  await sql("update t set a = 'reverted' where id = 8");
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  await engine.reapply(change, patient, work);
  expect(await all('select * from t where id in (5, 8) order by id')).toEqual([
    { id: 5, a: 'new', fresh: 8 },
    { id: 8, a: 'reverted', fresh: 7 },
  ]);
  await engine.finish(change, work);
  expect(await model()).toEqual(change.to);
  expect(await engine.leftovers()).toEqual([]);
});

test('what is cancelled leaves nothing', async () => {
  const { engine, model, plan } = await given(
    'create table t (id int primary key, a text)',
    "insert into t select i, 'a' from generate_series(1, 100) i",
  );
  const before = await model();
  const change = await plan('alter table t add b int');
  await engine.prepare(change, work);
  await engine.copy(change, work);
  expect((await engine.leftovers()).length).toBeGreaterThan(5);
  await engine.cancel(change, work);
  await engine.cancel(change, work);
  expect(await engine.leftovers()).toEqual([]);
  expect(await model()).toEqual(before);
});

test('rows are known by any key, and what a side has of its own goes with its row', async () => {
  const { engine, sql, all, plan } = await given(
    `create table t (region text collate "C", n numeric, at timestamptz not null default now(), v text, gone text not null,
       u int, unique (region, n) deferrable, unique (u), check (region is not null))`,
    'alter table t alter region set not null, alter n set not null',
    "insert into t select 'r' || i % 7, i + 0.5, now(), 'v', 'g' || i, i from generate_series(1, 900) i",
  );
  const change = await plan('alter table t drop gone, alter v type varchar(20), add own int default 3');
  expect(change.operations[0]!.shadow!.key).toEqual(['region', 'n']);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await sql('update t set n = 1.50 where u = 1', 'delete from t where u = 2');
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 899 });
  await engine.cutOver(change, patient, work);
  await sql(
    // Two rows change places in one statement; one goes around; one takes the key of one that is gone.
    "update t set n = case n when 3.5 then 10.5 else 3.5 end, u = -u where region = 'r3' and n in (3.5, 10.5)",
    "update t set n = 9000 where u = 4; update t set n = 9001 where u = 4; update t set n = 9002, region = 'q' where u = 4",
    "delete from t where u = 5; update t set region = 'r5', n = 5.5 where u = 6",
    "delete from t where u = 8; insert into t (region, n, u) values ('r1', 8.5, 8)",
  );
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  await engine.revert(change, { ...patient, acceptLosses: true }, work);
  expect(await all('select region, n::text, u, gone from t where u in (1, -3, -10, 4, 5, 6, 8) order by u')).toEqual([
    { region: 'r3', n: '3.5', u: -10, gone: 'g10' },
    { region: 'r3', n: '10.5', u: -3, gone: 'g3' },
    { region: 'r1', n: '1.50', u: 1, gone: 'g1' },
    { region: 'q', n: '9002', u: 4, gone: 'g4' },
    { region: 'r5', n: '5.5', u: 6, gone: 'g6' },
    { region: 'r1', n: '8.5', u: 8, gone: '' },
  ]);
  await engine.finish(change, work);
});

test('a unique value passes from row to row, and a table is emptied', async () => {
  const { engine, sql, plan } = await given(
    'create table t (id int primary key, u int unique, w int)',
    'insert into t select i, i from generate_series(1, 500) i',
  );
  const change = await plan('alter table t alter w type bigint, add constraint again unique (u)');
  await engine.prepare(change, work);
  await sql('update t set u = -1 where id = 1; update t set u = 1 where id = 400; update t set u = 400 where id = 1');
  await engine.copy(change, work);
  await sql('update t set u = -1 where id = 2; update t set u = 2 where id = 3; update t set u = 3 where id = 2');
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 500 });
  await sql('truncate t; insert into t values (7, 7, 7)');
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 1 });
  await engine.cutOver(change, patient, work);
  await sql('truncate t', 'insert into t values (8, 8, 8)');
  await engine.revert(change, patient, work);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 1 });
  await engine.finish(change, work);
  expect(await engine.leftovers()).toEqual([]);
});

test('rows that do not fit stop the change and nobody else, until they are corrected', async () => {
  const { engine, sql, all, plan } = await given(
    'create table t (id int primary key, a text, u int)',
    "insert into t select i, 'a', i from generate_series(1, 2000) i",
    "update t set a = 'much too long' where id in (77, 1500)",
    'update t set u = 5 where id = 6',
  );
  const change = await plan('alter table t alter a type varchar(5), add unique (u)');
  await engine.prepare(change, work);
  await expect(engine.copy(change, work)).rejects.toMatchObject({ code: 'ROWS_REFUSED' });
  const [table] = (await engine.state(change.id))!.tables;
  expect(table!.failed.map(({ key, code }) => [key.id, code])).toEqual([
    ['6', '23505'],
    ['77', '22001'],
    ['1500', '22001'],
  ]);
  await sql("update t set a = 'short' where id in (77, 1500)", 'update t set u = -5 where id = 5');
  await engine.copy(change, work);
  expect((await engine.state(change.id))!.tables[0]!.failed).toEqual([]);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 2000 });
  await sql("update t set a = 'too long again' where id = 9");
  await expect(engine.cutOver(change, patient, work)).rejects.toMatchObject({ code: 'ROWS_REFUSED' });
  await sql("update t set a = 'ok' where id = 9");
  await engine.cutOver(change, patient, work);
  expect(await all('select a from t where id = 9')).toEqual([{ a: 'ok' }]);
  await engine.finish(change, work);
});

test('everything of a change takes effect at once, and is taken back at once', async () => {
  const { engine, sql, all, model, plan } = await given(
    "create type mood as enum ('sad', 'ok')",
    'create table a (id int primary key, m mood, x int)',
    'create table old (id serial primary key, a int references a)',
    'create view v as select id, x from a',
    'create view w as select id from v',
    'create materialized view m as select count(*) from old',
    "insert into a select i, 'ok', i from generate_series(1, 50) i",
    'insert into old (a) values (1), (2)',
  );
  const before = await model();
  const change = await plan(
    'drop materialized view m; drop table old',
    'alter table a alter x type numeric using x, add y int',
    'create or replace view w as select id, 1 as one from v',
    "create type size as enum ('s', 'l'); create sequence counted; create domain plus as int check (value > 0)",
    `create table fresh (id int primary key default nextval('counted'), s size, p plus, a int references a (id))`,
    'create index on fresh (a); create view fv as select s from fresh',
  ).catch(async (error: Error) => {
    // A view is in the way of the type, as it would be for anybody: the branch drops it first.
    expect(error.message).toMatch(/used by a view/);
    return await plan(
      'drop materialized view m; drop table old',
      'drop view w; drop view v; alter table a alter x type numeric, add y int; create view v as select id, x from a',
      'create view w as select id, 1 as one from v',
      "create type size as enum ('s', 'l'); create sequence counted; create domain plus as int check (value > 0)",
      `create table fresh (id int primary key default nextval('counted'), s size, p plus, a int references a (id))`,
      'create index on fresh (a); create view fv as select s from fresh',
    );
  });
  await engine.prepare(change, work);
  expect((await model()).tables).toEqual(before.tables);
  await engine.copy(change, work);
  await engine.cutOver(change, patient, work);
  expect(await model()).toMatchObject({ tables: change.to.tables, views: change.to.views });
  await sql("insert into fresh (s, p, a) values ('s', 1, 1)", 'update a set x = 1.5 where id = 1');
  expect(await all('select x from v where id = 1')).toEqual([{ x: '1.5' }]);
  await expect(sql('insert into old_gw_old (a) values (1)')).rejects.toThrow('was replaced by a schema change');
  await sql('update a set x = 2 where id = 1');
  await engine.revert(change, { ...patient, acceptLosses: true }, work);
  expect(await model()).toMatchObject({ tables: before.tables, views: before.views });
  expect(await all('select * from old order by id')).toEqual([
    { id: 1, a: 1 },
    { id: 2, a: 2 },
  ]);
  await engine.reapply(change, patient, work);
  expect(await model()).toMatchObject({ tables: change.to.tables, views: change.to.views });
  expect(await all('select s, a from fresh')).toEqual([{ s: 's', a: 1 }]);
  await engine.finish(change, work);
  expect(await model()).toEqual(change.to);
  expect(await engine.leftovers()).toEqual([]);
});

test('one table is in one change, and two tables may be in two', async () => {
  const { engine, plan } = await given(
    'create table t (id int primary key)',
    'create table other (id int primary key)',
  );
  const one = await plan('alter table t add a int');
  const same = { ...one, id: 'change-2' };
  const other = { ...(await plan('alter table other add a int')), id: 'change-3' };
  await engine.prepare(one, work);
  await expect(engine.prepare(same, work)).rejects.toMatchObject({
    code: 'CHANGE_CONFLICT',
    data: { changeId: one.id },
  });
  await engine.prepare(other, work);
  await Promise.all([engine.copy(one, work), engine.copy(other, work)]);
  await engine.cutOver(other, patient, work);
  await engine.cancel(one, work);
  await engine.finish(other, work);
  expect(await engine.leftovers()).toEqual([]);
});
