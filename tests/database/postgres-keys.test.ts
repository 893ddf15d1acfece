import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres();
  await run(
    server.url,
    'public',
    'create schema c',
    `create collation c.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
  );
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const swap = { force: false, deadlineMs: 10_000, acceptLosses: true };
const schema = 'k';
let engine: PostgresEngine;

beforeEach(async () => {
  await run(server.url, schema, 'drop schema if exists k, gatewright cascade', 'create schema k');
  engine = new PostgresEngine({ url: server.url, schema });
});

/** Follows until nothing waits, and proves. */
async function equal(change: PlannedChange): Promise<void> {
  expect(await engine.prove(change, work)).toMatchObject({ differing: [], differingCount: 0 });
}

async function all(query: string): Promise<unknown[]> {
  return (await rows(server.url, schema, query)).map((row) => Object.values(row));
}

test.each([
  ['one spelling of a text is as good as another', 'text collate c.loose', ['a', 'A'], ['b', 'B']],
  ['a number is the same with more zeros', 'numeric', ['1.0', '1.00'], ['2', '2.000']],
])('keys that are written anew: %s', async (_, type, [one, other], [two, more]) => {
  await run(
    server.url,
    schema,
    `create table t (id ${type} primary key, v text, gone text)`,
    `insert into t values ('${one}', 'v1', 'g1'), ('${two}', 'v2', 'g2'), ('7', 'v7', 'g7')`,
  );
  const change = await planned(server.url, schema, 'keys', ['alter table t drop gone, add added text']);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await run(
    server.url,
    schema,
    `update t set id = '${other}' where id = '${one}'`,
    `delete from t where id = '${two}'`,
    `insert into t values ('${more}', 'v2', 'g2 again')`,
  );
  await equal(change);
  await engine.cutOver(change, swap, work);
  expect(await all('select id::text, v from t order by v')).toEqual([
    [other, 'v1'],
    [more, 'v2'],
    ['7', 'v7'],
  ]);
  // In one batch: a row moves to a key, is spelled anew there, and moves on; the value that only the old side has follows.
  await run(
    server.url,
    schema,
    `update t set id = '9' where id = '${other}'; update t set id = '${one}' where id = '7';
     update t set id = '${other}' where id = '${one}'; update t set id = '8' where id = '${other}'`,
  );
  await equal(change);
  await engine.revert(change, swap, work);
  expect(await all('select id::text, v, gone from t order by v')).toEqual([
    ['9', 'v1', 'g1'],
    [more, 'v2', 'g2 again'],
    ['8', 'v7', 'g7'],
  ]);
  await engine.finish(change, work);
});

test('a key of several parts, of which one is renamed and one widened, moves and swaps with its own values', async () => {
  await run(
    server.url,
    schema,
    `create table t (a varchar(5), b int, c date, v text, gone text, primary key (a, b, c) deferrable)`,
    `insert into t select 'k' || i % 3, i, '2026-01-01', 'v', 'g' || i from generate_series(1, 900) i`,
  );
  const change = await planned(
    server.url,
    schema,
    'keys',
    ['alter table t rename b to bb', 'alter table t alter a type varchar(50), alter bb type bigint, drop gone'],
    [{ table: 't', from: 'b', to: 'bb' }],
  );
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await run(server.url, schema, "update t set b = b + 1 where a = 'k1'", "update t set c = c + 1 where a = 'k2'");
  await equal(change);
  await engine.cutOver(change, swap, work);
  // A ring of keys in one statement, keys of rows that are gone, and a row that goes to its old place again.
  await run(
    server.url,
    schema,
    `begin; update t set bb = case bb when 3 then 6 when 6 then 9 when 9 then 3 end where a = 'k0' and bb in (3, 6, 9);
       delete from t where a = 'k0' and bb = 12; update t set bb = 12 where a = 'k0' and bb = 15;
       update t set a = 'other' where a = 'k0' and bb = 18; update t set a = 'k0' where a = 'other'; commit`,
  );
  await equal(change);
  await engine.revert(change, swap, work);
  expect(await all(`select b, gone from t where a = 'k0' and b < 20 order by b`)).toEqual([
    [3, 'g9'],
    [6, 'g3'],
    [9, 'g6'],
    [12, 'g15'],
    [18, 'g18'],
  ]);
  await equal(change);
});

test('a key that is collated otherwise afterwards is followed both ways', async () => {
  await run(
    server.url,
    schema,
    'create table t (id text collate "C" primary key, v int)',
    `insert into t select chr(65 + i % 57) || i, i from generate_series(0, 2999) i`,
  );
  const change = await planned(server.url, schema, 'keys', ['alter table t alter id type text collate "de-x-icu"']);
  await engine.prepare(change, work);
  await run(server.url, schema, "delete from t where v % 10 = 1; update t set id = 'ä' || id where v % 10 = 2");
  await engine.copy(change, work);
  await run(server.url, schema, "update t set id = upper(id) || 'Z' where v % 10 = 3", "insert into t values ('', -1)");
  await equal(change);
  await engine.cutOver(change, swap, work);
  await run(server.url, schema, "update t set id = 'ö' || id where v % 10 = 4", 'delete from t where v % 10 = 5');
  await equal(change);
  await engine.revert(change, swap, work);
  await equal(change);
  expect(await all('select count(*)::int as n, count(distinct v)::int as d from t')).toEqual([[2401, 2401]]);
});

test('a key that does not fit afterwards is refused by name, also where the server would cut it', async () => {
  await run(
    server.url,
    schema,
    'create table t (id text primary key, n bigint unique not null, v int)',
    "insert into t values ('a', 1, 1), ('b', 2, 2)",
  );
  const change = await planned(server.url, schema, 'keys', ['alter table t alter id type varchar(3)']);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await run(server.url, schema, "insert into t values ('abcd', 3, 3), ('ab   ', 4, 4)");
  await expect(engine.cutOver(change, swap, work)).rejects.toMatchObject({
    code: 'ROWS_REFUSED',
    data: { rows: [{ key: { id: 'ab   ' } }, { key: { id: 'abcd' } }] },
  });
  await run(server.url, schema, "update t set id = 'ab' where id = 'ab   '", "delete from t where id = 'abcd'");
  await engine.cutOver(change, swap, work);
  // And what the new side's rows may be, the old side's may not.
  await engine.revert(change, swap, work);
  await engine.cancel(change, work).catch(() => undefined);
  expect(await all('select id, n::int from t order by n')).toEqual([
    ['a', 1],
    ['b', 2],
    ['ab', 4],
  ]);
});

test('an integer key that is too large for the other side is refused, and held up nobody', async () => {
  await run(server.url, schema, 'create table t (id int primary key, v int)', 'insert into t values (1, 1)');
  const change = await planned(server.url, schema, 'keys', ['alter table t alter id type bigint']);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await engine.cutOver(change, swap, work);
  await run(server.url, schema, 'insert into t values (5000000000, 5), (2, 2)', 'update t set v = 6 where v = 5');
  const proof = await engine.prove(change, work);
  expect(proof).toMatchObject({ differing: [{ key: { id: '5000000000' } }], differingCount: 1 });
  expect(await engine.losses(change, work)).toMatchObject([{ rows: 1, example: { id: '5000000000' } }]);
  await run(server.url, schema, 'update t set id = 5 where v = 6');
  await equal(change);
  expect(await engine.losses(change, work)).toEqual([]);
});

test.each(['numeric', 'numeric(10,2)'])('a key that would be rounded to another is not taken: %s', async (type) => {
  await run(server.url, schema, 'create table t (id int primary key, v int)');
  const change = await planned(server.url, schema, 'keys', [`alter table t alter id type ${type}`]);
  await expect(engine.prepare(change, work)).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });
});
