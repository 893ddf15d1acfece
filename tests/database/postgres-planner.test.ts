import type { Way } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { read, rows, run, wanted } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

const schema = "the shop's";
const given = [
  "create type mood as enum ('sad', 'ok')",
  'create table parent (id int primary key)',
  `create table t (id int primary key, a varchar(10), b int default 3, c text not null, m mood,
    parent int references parent, check (b > 0))`,
  'create index a on t (a)',
  'create table child (t int references t)',
  'create function touch() returns trigger language plpgsql as $$begin return new; end$$',
  "insert into t select i, 'a' || i, i, 'c', 'ok' from generate_series(1, 50) i",
];

const work: Work = { signal: new AbortController().signal };
const swapping = { force: false, deadlineMs: 20_000 };
let server: Postgres;
let engine: PostgresEngine;
beforeAll(async () => {
  server = await privatePostgres({ lc_messages: 'C' });
}, 60_000);
beforeEach(async () => {
  await run(
    server.url,
    schema,
    `drop schema if exists "${schema}", gatewright cascade`,
    `create schema "${schema}"`,
    ...given,
  );
  engine = new PostgresEngine({ url: server.url, schema });
});
afterAll(async () => await server.stop());

test.each<[statement: string, way: Way, wanted: Way]>([
  ['alter table t alter b set default 9', 'instant', 'instant'],
  ['alter table t alter b drop default', 'instant', 'instant'],
  ["comment on column t.b is 'how many'", 'instant', 'instant'],
  ['alter table t set (fillfactor = 80)', 'instant', 'instant'],
  ['create trigger touch before update on t for each row execute function touch()', 'instant', 'instant'],
  ['alter table t enable row level security', 'instant', 'instant'],
  ['alter table t add x int', 'shadow', 'instant'],
  ["alter table t add x text not null default 'y'", 'shadow', 'instant'],
  ['alter table t add x timestamptz default clock_timestamp()', 'shadow', 'shadow'],
  ['alter table t add x serial', 'shadow', 'shadow'],
  // Taking these back would mean work.
  ['alter table t alter a type varchar(20)', 'shadow', 'shadow'],
  ['alter table t alter c drop not null', 'shadow', 'shadow'],
  ['alter table t alter a set not null', 'shadow', 'shadow'],
  ['drop index a', 'shadow', 'shadow'],
  ['alter table t drop a', 'shadow', 'shadow'],
  ['alter table t add unique (c)', 'shadow', 'shadow'],
  ['alter table t add check (b < 1000)', 'shadow', 'shadow'],
  ['alter table t alter b type bigint', 'shadow', 'shadow'],
  ['alter table t drop constraint t_parent_fkey', 'shadow', 'shadow'],
])('%s: %s, and %s where instant ways are wanted', async (statement, plain, instant) => {
  const change = await wanted(server.url, schema, [statement]);
  for (const [wish, way] of [
    [false, plain],
    [true, instant],
  ] as const) {
    const plan = await engine.plan('p', change, { instant: wish }, work.signal);
    expect(plan.operations.map((operation) => [operation.name, operation.way])).toContainEqual(['t', way]);
    for (const { because } of plan.operations) expect(because.length).toBeGreaterThan(10);
  }
  expect(await read(server.url, schema)).toEqual(change.from);
});

test('a renamed column is renamed in place, and back', async () => {
  const renames = [{ table: 't', from: 'c', to: 'c 2' }];
  const change = await wanted(
    server.url,
    schema,
    ['alter table t rename c to "c 2"', 'alter table t alter b set default 9'],
    renames,
  );
  const plan = await engine.plan('renamed', change, { instant: false }, work.signal);
  expect(plan.operations.map(({ way }) => way)).toEqual(['instant']);
  expect(await engine.lint(plan, { allowForeignKeys: true }, work.signal)).toEqual([]);
  await engine.prepare(plan, work);
  await engine.copy(plan, work);
  await engine.cutOver(plan, swapping, work);
  expect(await read(server.url, schema)).toEqual(plan.to);
  await run(server.url, schema, `insert into t values (99, 'a', 1, 'kept', 'sad', null)`);
  await engine.revert(plan, swapping, work);
  expect(await read(server.url, schema)).toEqual(plan.from);
  expect(await rows(server.url, schema, 'select c from t where id = 99')).toEqual([{ c: 'kept' }]);
  await engine.reapply(plan, swapping, work);
  await engine.finish(plan, work);
  expect(await read(server.url, schema)).toEqual(plan.to);
  expect(await engine.leftovers()).toEqual([]);
});

test('an instant change of a table that was altered meanwhile is not made', async () => {
  const change = await wanted(server.url, schema, ['alter table t alter b set default 9']);
  const plan = await engine.plan('drifted', change, { instant: false }, work.signal);
  await engine.prepare(plan, work);
  await engine.copy(plan, work);
  await run(server.url, schema, 'alter table t alter b set default 4');
  await expect(engine.cutOver(plan, swapping, work)).rejects.toMatchObject({ code: 'CHANGE_DRIFTED' });
  await engine.cancel(plan, work);
  await expect(engine.prepare({ ...plan, id: 'late' }, work)).rejects.toMatchObject({ code: 'CHANGE_DRIFTED' });
});

test('what an instant change adds is what its revert loses, and it says so', async () => {
  const change = await wanted(server.url, schema, ['alter table t add x int']);
  const plan = await engine.plan('added', change, { instant: true }, work.signal);
  await engine.prepare(plan, work);
  await engine.copy(plan, work);
  await engine.cutOver(plan, swapping, work);
  await run(server.url, schema, 'update t set x = 1 where id < 4');
  await expect(engine.revert(plan, swapping, work)).rejects.toMatchObject({
    code: 'REVERT_LOSES',
    data: { losses: [{ table: 't', column: 'x', rows: 3 }] },
  });
  await engine.revert(plan, { ...swapping, acceptLosses: true }, work);
  expect(await read(server.url, schema)).toEqual(plan.from);
  await engine.finish(plan, work);
});

test('an enum gets more values where instant ways are wanted, and a revert leaves them', async () => {
  const change = await wanted(server.url, schema, ["alter type mood add value 'so so' before 'ok'"]);
  const refused = await engine.plan('values', change, { instant: false }, work.signal);
  const policy = { allowForeignKeys: true };
  expect(await engine.lint(refused, policy, work.signal)).toMatchObject([{ code: 'TYPE_IN_USE', subject: 'mood' }]);
  await expect(engine.prepare(refused, work)).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });

  const plan = await engine.plan('values', change, { instant: true }, work.signal);
  expect(await engine.lint(plan, policy, work.signal)).toEqual([]);
  await engine.prepare(plan, work);
  await engine.copy(plan, work);
  await engine.cutOver(plan, swapping, work);
  await run(server.url, schema, "update t set m = 'so so' where id = 5");
  await engine.revert(plan, swapping, work);
  expect(await read(server.url, schema)).toEqual(plan.to);
  await engine.reapply(plan, swapping, work);
  await engine.finish(plan, work);
  expect(await rows(server.url, schema, "select id from t where m = 'so so'")).toEqual([{ id: 5 }]);
});

test.each([
  [
    'mood',
    "create type more as enum ('sad', 'fine')",
    'drop type mood cascade',
    'alter type more rename to mood',
    'alter table t add m mood',
  ],
])('a type %s that is used is not remade', async (type, ...statements) => {
  const change = await wanted(server.url, schema, statements);
  const plan = await engine.plan('remade', change, { instant: true }, work.signal);
  const messages = await engine.lint(plan, { allowForeignKeys: true }, work.signal);
  expect(messages).toMatchObject([
    { code: 'TYPE_IN_USE', subject: type, message: expect.stringContaining('column m of table t') as string },
  ]);
});
