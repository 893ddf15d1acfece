import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => (server = await privatePostgres()), 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const schema = 'p';
let engine: PostgresEngine;

beforeEach(async () => {
  await run(server.url, schema, 'drop schema if exists p, gatewright, c cascade', 'create schema p');
  engine = new PostgresEngine({ url: server.url, schema });
});

async function copied(...statements: readonly string[]): Promise<PlannedChange> {
  const change = await planned(server.url, schema, 'proof', statements);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  return change;
}

async function spoil(...statements: readonly string[]): Promise<void> {
  await run(server.url, schema, "set gatewright.applier = 'on'; " + statements.join('; '));
}

test('values that are equal but not the same are told apart, in every type and by key', async () => {
  await run(
    server.url,
    schema,
    'create schema c',
    `create collation c.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    `create domain word as text collate c.loose`,
    `create table t (id int primary key, n numeric(10,4), any_n numeric, f double precision, i interval, j json, jb jsonb,
       c text collate c.loose, w word, v varchar(20), ch char(5), b bytea, u uuid, at timestamptz, d date, pt point,
       arr numeric[], tz timetz, bits bit varying(8), flag boolean, r numrange, k smallint)`,
    `insert into t select i, 1, 1.0, 0, '1 day', '{"a":1}', '{"a":1.0}', 'a', 'a', 'v', 'ch', 'b', gen_random_uuid(),
       '2026-01-01', '2026-01-01', '(1,2)', '{1.0}', '12:00+00', '101', true, '[1.0,2)', i from generate_series(1, 60) i`,
    'insert into t (id) values (61)',
  );
  const change = await copied(
    'alter table t alter k type bigint, alter v type varchar(40), alter n type numeric(12,4)',
  );
  expect(await engine.prove(change, work)).toEqual({ rowsCompared: 61, differing: [], differingCount: 0 });
  const spoilt = {
    n: '1.0001',
    any_n: '1.00',
    f: "'-0'",
    i: "'24:00'",
    j: `'{"a": 1}'`,
    jb: `'{"a":1.00}'`,
    c: "'A'",
    w: "'A'",
    v: "'v '",
    ch: 'null',
    b: "'c'",
    u: 'gen_random_uuid()',
    at: "at + interval '1 microsecond'",
    d: 'd + 1',
    pt: "'(1,2.0000000000001)'",
    arr: "'{1.00}'",
    tz: "'13:00+01'",
    bits: "'1010'",
    flag: 'null',
    r: "'[1.00,2)'",
    k: 'k + 1',
  };
  const columns = Object.entries(spoilt);
  await spoil(
    ...columns.map(([column, value], i) => `update t_gw_new set ${column} = ${value} where id = ${i + 1}`),
    `update t_gw_new set flag = false where id = 61`,
  );
  const proof = await engine.prove(change, work);
  expect(proof.differing.map(({ key }) => Number(key.id))).toEqual([...columns.map((_, i) => i + 1), 61]);
  expect(proof.differingCount).toBe(columns.length + 1);
});

test('rows of one side alone are named, at both ends and between', async () => {
  await run(
    server.url,
    schema,
    'create table t (a varchar(10), b int, v text, primary key (a, b))',
    `insert into t select 'k' || i % 7, i, 'v' from generate_series(1, 500) i`,
  );
  const change = await copied('alter table t alter a type varchar(20), add x int');
  await spoil(
    "delete from t_gw_new where a = 'k3' and b = 3",
    "insert into t_gw_new values ('', 0, 'v'), ('k3', 4, 'v'), ('z', 1, 'v')",
  );
  expect(await engine.prove(change, work)).toEqual({
    rowsCompared: 503,
    differing: [
      { table: 't', key: { a: '', b: '0' } },
      { table: 't', key: { a: 'k3', b: '3' } },
      { table: 't', key: { a: 'k3', b: '4' } },
      { table: 't', key: { a: 'z', b: '1' } },
    ],
    differingCount: 4,
  });
});

test('a key in another order on each side is compared whole', async () => {
  await run(
    server.url,
    schema,
    'create table t (id text primary key, v text)',
    "insert into t select i, 'v' from generate_series(-100, 400) i",
  );
  const change = await copied('alter table t alter id type varchar(9)');
  expect(await engine.prove(change, work)).toMatchObject({ rowsCompared: 501, differingCount: 0 });
  await spoil("update t_gw_new set v = 'w' where id = '12'");
  expect(await engine.prove(change, work)).toMatchObject({ differing: [{ key: { id: '12' } }], differingCount: 1 });
});

test('a proof that ended early goes on where it was, and the next begins anew', async () => {
  await run(
    server.url,
    schema,
    'create table t (id int primary key, v text)',
    "insert into t select i, 'v' from generate_series(1, 60000) i",
    'create table z (id int primary key)',
    'insert into z select generate_series(1, 10)',
  );
  const change = await copied('alter table t add x int', 'alter table z add x int');
  await spoil('delete from t_gw_new where id = 7');
  const dying = new PostgresEngine({
    ...{ url: server.url, schema },
    onPoint: (name) => {
      if (name === 'prove.ranged') throw new Error('killed');
    },
  });
  await expect(dying.prove(change, work)).rejects.toThrow('killed');
  const [at] = await rows(server.url, schema, `select proof from gatewright.shadows_proof where proof is not null`);
  const { end, rows: compared } = at!.proof as { end: string[]; rows: number };
  expect(compared).toBe(Number(end[0]));
  // Spoilt behind the proof's back: what is compared already is not looked at again, what is not is.
  await spoil(`delete from t_gw_new where id in (9, 59999)`);
  expect(await engine.prove(change, work)).toMatchObject({
    rowsCompared: 60_010,
    differing: [{ key: { id: '7' } }, { key: { id: '59999' } }],
  });
  expect(await engine.prove(change, work)).toMatchObject({ rowsCompared: 60_010, differingCount: 3 });
  await spoil(`insert into t_gw_new select id, v from t where id in (7, 9, 59999)`);
  await expect(dying.prove(change, work)).rejects.toThrow('killed');
  await engine.cutOver(change, { force: false, deadlineMs: 10_000 }, work);
  expect(await engine.prove(change, work)).toMatchObject({ rowsCompared: 60_010, differingCount: 0 });
});
