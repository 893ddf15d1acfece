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
const swap = { force: false, deadlineMs: 10_000, acceptLosses: true };
const schema = 'l';
let engine: PostgresEngine;

beforeEach(async () => {
  await run(server.url, schema, 'drop schema if exists l, gatewright cascade', 'create schema l');
  engine = new PostgresEngine({ url: server.url, schema });
});

async function equal(change: PlannedChange): Promise<void> {
  expect(await engine.prove(change, work)).toMatchObject({ differing: [], differingCount: 0 });
}

/** What every row is, by a value that no change touches. */
async function images(columns: string): Promise<unknown> {
  return await rows(server.url, schema, `select n, md5(row(${columns})::text) as image from t order by n`);
}

test('rows that are stored in pieces go along, whether or not they change, and wherever their keys go', async () => {
  const noise = (bytes: number): string =>
    `(select string_agg(md5(random()::text || g), '') from generate_series(1, ${bytes / 32} + i % 3) g)`;
  await run(
    server.url,
    schema,
    `create table t (id text primary key, n int not null unique, big text, bin bytea, doc jsonb, gone text, bits text)`,
    'alter table t alter bin set storage external, alter gone set storage external, alter bits set compression pglz',
    // Keys as long as an index takes them, values of three pages and of more than a chunk of the copy has room for.
    `insert into t select md5(i::text) || repeat('k', 2000 + i), i, ${noise(24_000)}, decode(${noise(300_000)}, 'hex'),
       jsonb_build_object('a', ${noise(24_000)}, 'n', 1.00), ${noise(24_000)}, repeat('x', 90000) from generate_series(1, 60) i`,
    "insert into t (id, n) values (repeat(md5('small'), 2), 1000)",
  );
  const change = await planned(server.url, schema, 'large', [
    'alter table t drop gone, add added text',
    'alter table t alter n type bigint',
  ]);
  const everything = 'big, bin, doc, gone, bits';
  const before = await images(everything);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  // Keys move and nothing else does: what is stored apart is not touched by that.
  await run(server.url, schema, "update t set id = 'moved' || id where n % 5 = 0");
  await equal(change);
  await engine.cutOver(change, swap, work);
  await run(
    server.url,
    schema,
    "update t set id = 'again' || substr(id, 1, 40) where n % 3 = 0",
    "begin; update t set id = 'away' where n = 7; update t set id = 'back' where id = 'away'; commit",
    "update t set bin = bin || '\\x00', doc = doc || '{\"b\": 1.0}' where n % 7 = 0",
  );
  await equal(change);
  await run(server.url, schema, "update t set bin = substr(bin, 1, length(bin) - 1), doc = doc - 'b' where n % 7 = 0");
  await engine.revert(change, swap, work);
  expect(await images(everything)).toEqual(before);
  await engine.reapply(change, swap, work);
  await equal(change);
  await engine.finish(change, work);
  expect(await images('big, bin, doc, bits')).toHaveLength(61);
}, 120_000);

test('a log that grew while nobody followed it is caught up with', async () => {
  await run(
    server.url,
    schema,
    'create table t (n int primary key, v int not null)',
    'insert into t select i, 0 from generate_series(1, 20000) i',
  );
  const change = await planned(server.url, schema, 'large', ['alter table t add added int']);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  for (let n = 1; n <= 3; n++) await run(server.url, schema, `update t set v = v + ${n}`);
  await run(server.url, schema, 'update t set n = n + 100000 where n % 4 = 0; delete from t where n % 4 = 1');
  expect((await engine.state('large'))!.tables[0]!.logLength).toBe(70_000);
  await engine.cutOver(change, swap, work);
  for (let n = 1; n <= 3; n++) await run(server.url, schema, `update t set v = v + ${n}`);
  await run(server.url, schema, 'update t set n = n + 200000 where n % 4 = 2; truncate t; insert into t values (1, 1)');
  await equal(change);
  await engine.revert(change, swap, work);
  expect(await rows(server.url, schema, 'select * from t')).toEqual([{ n: 1, v: 1 }]);
  await engine.finish(change, work);
}, 120_000);
