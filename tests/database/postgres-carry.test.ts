import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { boundTo } from './support/postgres-catalog';
import { planned, read, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres({ wal_level: 'logical' });
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const patient = { force: false, deadlineMs: 10_000, acceptLosses: true };
const schema = 'sh"op';

const everything = [
  'create role app',
  'create role own',
  'create role reader',
  'grant usage, create on schema "sh""op" to own, app, reader',
  'create extension if not exists btree_gist',
  'create table par (id int primary key)',
  'insert into par select i from generate_series(1, 20) i',
  'create function tf() returns trigger language plpgsql as $$begin return coalesce(new, old); end$$',
  `create table src (id int generated always as identity (start 100 increment 5 cache 10) primary key, s serial,
     a varchar(10) collate "C" default 'd', b text compression pglz, g int generated always as (nn * 2) stored,
     p int references par on delete set null, self int references src, r int4range, nn int not null default 0, ck int,
     constraint ck1 check (ck > 0), exclude using gist (r with &&), unique (a) deferrable,
     unique nulls not distinct (b))
     with (fillfactor = 70, toast.autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.01)`,
  'create index ix on src (lower(a)) where ck > 1',
  'create index ixd on src (nn desc nulls last) include (b) with (fillfactor = 50)',
  'alter table src alter b set storage external, alter nn set statistics 333, alter nn set (n_distinct = 7)',
  'create statistics st1 (dependencies) on nn, ck from src',
  'alter statistics st1 set statistics 77',
  "comment on table src is 'tc'",
  "comment on column src.a is 'cc'",
  "comment on constraint ck1 on src is 'kc'",
  "comment on index ix is 'ic'",
  'create trigger t1 after update of a on src for each row when (new.a is distinct from old.a) execute function tf()',
  `create constraint trigger t2 after insert on src deferrable initially deferred for each row execute function tf()`,
  'create trigger t3 before insert on src for each row execute function tf()',
  'alter table src disable trigger t3',
  'alter table src enable always trigger t1',
  "comment on trigger t1 on src is 'tgc'",
  'alter table src enable row level security',
  'create policy p1 on src as restrictive for select to app using (ck > 0)',
  'alter table src owner to own',
  'grant select on src to app',
  'grant insert, delete on src to reader with grant option',
  'grant update (a) on src to app with grant option',
  'grant usage on sequence src_id_seq, src_s_seq to app',
  'alter table src replica identity using index src_pkey',
  'alter table src cluster on src_pkey',
  'create publication pub for table src (id, a) where (id > 0)',
  'create table chd (id int primary key, sid int references src on delete cascade, x int)',
  'create view v with (security_barrier = true) as select id, a from src',
  'create view w as select a from v',
  'create schema if not exists other',
  'create view other.far as select b from src',
  'grant select on v to app',
  "insert into src (a, b, p, nn, ck) select 'a' || i, 'b' || i, i % 20 + 1, i, i from generate_series(1, 300) i",
  'insert into chd select i, 100 + 5 * i from generate_series(1, 50) i',
];

test('everything that is bound to a table is bound to the one that takes its place', async () => {
  await run(server.url, schema, 'create schema "sh""op"', ...everything);
  const engine = new PostgresEngine({ url: server.url, schema });
  const before = { model: await read(server.url, schema), bound: await boundTo(server.url, schema, 'src') };
  expect(before.bound.length).toBeGreaterThan(50);
  const change = await planned(server.url, schema, 'carry', [
    'alter table src add fresh text',
    'alter table chd alter x type bigint',
  ]);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  await engine.cutOver(change, patient, work);
  expect(await read(server.url, schema)).toEqual(change.to);
  const swapped = await boundTo(server.url, schema, 'src');
  expect(swapped.filter((line) => !before.bound.includes(line))).toEqual([expect.stringMatching(/^column fresh/)]);
  expect(before.bound.filter((line) => !swapped.includes(line))).toEqual([]);
  const numbers = async (): Promise<unknown> =>
    await rows(server.url, schema, "insert into src (a) values ('n') returning id, s");
  expect(await numbers()).toEqual([{ id: 1600, s: 301 }]);
  await run(server.url, schema, 'delete from par where id = 3', 'delete from src where id = 105');
  expect(await rows(server.url, schema, 'select count(*)::int as n from chd')).toEqual([{ n: 49 }]);
  expect(await rows(server.url, schema, "select count(*)::int as n from other.far where b = 'b1'")).toEqual([{ n: 1 }]);
  await engine.revert(change, patient, work);
  expect(await boundTo(server.url, schema, 'src')).toEqual(before.bound);
  expect(await read(server.url, schema)).toEqual(before.model);
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  expect(await rows(server.url, schema, 'select count(*)::int as n from src where p is null')).toEqual([{ n: 15 }]);
  await engine.reapply(change, patient, work);
  await engine.finish(change, work);
  expect(await read(server.url, schema)).toEqual(change.to);
  expect((await boundTo(server.url, schema, 'src')).sort()).toEqual(swapped);
  expect(await engine.leftovers()).toEqual([]);
}, 60_000);
