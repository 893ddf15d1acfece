import { Client } from 'pg';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
let copy: Client;
beforeAll(async () => {
  server = await privatePostgres({ wal_level: 'logical' });
  await run(server.url, 'public', 'create database copy');
  copy = new Client({ connectionString: server.url.replace(/gatewright$/, 'copy') });
  await copy.connect();
}, 60_000);
afterAll(async () => {
  await copy.end();
  await server.stop();
});

const work: Work = { signal: new AbortController().signal };
const swap = { force: false, deadlineMs: 10_000, acceptLosses: true };
const schema = 'pub';

/** Waits until the subscriber has what the table has. */
async function arrives(columns: string): Promise<void> {
  const query = `select ${columns} from pub.t order by id`;
  let [there, here]: [unknown[], unknown[]] = [[], ['not asked yet']];
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    [there, here] = [
      (await copy.query<Record<string, unknown>>(query)).rows,
      [...(await rows(server.url, schema, query))],
    ];
    if (JSON.stringify(there) === JSON.stringify(here)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(there).toEqual(here);
  expect(there.length).toBeGreaterThan(0);
}

test('a subscriber gets every change before, between and after the swaps, and nothing twice', async () => {
  await run(
    server.url,
    schema,
    'create schema pub',
    'create table t (id int primary key, v text, gone text)',
    "insert into t select i, 'first', 'g' from generate_series(1, 200) i",
    'create publication p for table t',
    "select pg_create_logical_replication_slot('s', 'pgoutput')",
  );
  await copy.query('create schema pub; create table pub.t (id int primary key, v text, gone text, added text)');
  await copy.query(
    `create subscription s connection '${server.url}' publication p with (create_slot = false, slot_name = 's', copy_data = true)`,
  );
  await arrives('id, v, gone');
  const engine = new PostgresEngine({ url: server.url, schema });
  const change: PlannedChange = await planned(server.url, schema, 'pub', [
    "alter table t drop gone, add added text default 'a'",
  ]);
  await engine.prepare(change, work);
  await run(server.url, schema, "update t set v = 'second' where id % 2 = 0", 'delete from t where id > 190');
  await engine.copy(change, work);
  await arrives('id, v, gone');
  await engine.cutOver(change, swap, work);
  await run(
    server.url,
    schema,
    "insert into t values (300, 'third', 'b')",
    "update t set v = 'third', added = 'x' where id % 3 = 0; update t set id = 500 where id = 1; delete from t where id = 5",
  );
  await arrives('id, v');
  const inserted = 'select id, v, added from pub.t where id in (300, 500) order by id';
  expect((await copy.query(inserted)).rows).toEqual(await rows(server.url, schema, inserted));
  await engine.revert(change, swap, work);
  await run(
    server.url,
    schema,
    "update t set v = 'fourth' where id % 5 = 0",
    "insert into t values (400, 'fourth', 'c')",
  );
  await arrives('id, v');
  await engine.reapply(change, swap, work);
  await run(server.url, schema, 'delete from t where id % 7 = 0');
  await engine.finish(change, work);
  await run(server.url, schema, "update t set v = 'fifth' where id < 50");
  await arrives('id, v');
  const { rows: errors } = await copy.query<{ n: string }>(
    'select sum(apply_error_count)::text as n from pg_stat_subscription_stats',
  );
  expect(errors).toEqual([{ n: '0' }]);
  await copy.query('alter subscription s disable; alter subscription s set (slot_name = none); drop subscription s');
}, 120_000);
