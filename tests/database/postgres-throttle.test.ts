import { Client } from 'pg';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { Following, roomy } from './support/following';
import { planned, rows, run } from './support/postgres-plan';
import { replicaOf } from './support/replica';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => (server = await privatePostgres()), 60_000);
afterAll(async () => await server.stop());

const schema = 's';
let engine: PostgresEngine;
let change: PlannedChange;

beforeEach(async () => {
  await run(
    server.url,
    schema,
    'drop schema if exists s, gatewright cascade',
    'create schema s',
    'create table t (id int primary key, v int not null)',
    'insert into t select i, 0 from generate_series(1, 5000) i',
  );
  engine = new PostgresEngine({ url: server.url, schema });
  change = await planned(server.url, schema, 'slow', ['alter table t add x int']);
  await engine.prepare(change, { signal: new AbortController().signal });
}, 30_000);

async function client(url = server.url): Promise<Client> {
  const opened = new Client({ connectionString: url });
  opened.on('error', () => undefined);
  await opened.connect();
  return opened;
}

const copied = async (work: Partial<Work> = {}): Promise<void> =>
  await engine.copy(change, { signal: new AbortController().signal, limits: roomy, ...work });

test('it is slowed by sessions at work, and not when they are gone', async () => {
  await copied();
  const busy = await Promise.all([client(), client(), client()]);
  const working = Promise.all(busy.map((each) => each.query('select pg_sleep(600)').catch(() => undefined)));
  const following = new Following(engine, change, { threadsRunning: 2 });
  expect(await following.says((reason) => reason !== null)).toBe('threads running 3');
  for (const each of busy) await run(server.url, schema, `select pg_terminate_backend(${pidOf(each)})`);
  await working;
  await following.says((reason) => reason === null);
  await following.stop();
}, 120_000);

test('it is slowed by writes that take long, and not when they do not', async () => {
  await copied();
  await run(
    server.url,
    schema,
    `create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return new; end'`,
    'create trigger slow before update on gatewright.probe_slow for each row execute function s.slow()',
  );
  const following = new Following(engine, change, { writeP99Ms: 250 });
  expect(await following.says((reason) => reason !== null)).toBe('writes slow');
  await run(server.url, schema, 'drop trigger slow on gatewright.probe_slow');
  await following.says((reason) => reason === null);
  await following.stop();
}, 120_000);

test('it is slowed by a replica that is behind, and not when it has caught up', async () => {
  await copied();
  const replica = await replicaOf(server);
  const there = await client(replica.url);
  try {
    await there.query('select pg_wal_replay_pause()');
    const following = new Following(engine, change, { replicaLagSeconds: 1.5 });
    expect(await following.says((reason) => reason !== null)).toMatch(/^replica lag [1-9][\d.]* s$/);
    await there.query('select pg_wal_replay_resume()');
    await following.says((reason) => reason === null);
    await following.stop();
  } finally {
    await there.end();
    await replica.stop();
  }
}, 120_000);

test('a copy is slowed by a log that fills up, and done all the same', async () => {
  await run(
    server.url,
    schema,
    `create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.001); return new; end'`,
    'create trigger slow before insert on t_gw_new for each row execute function slow()',
  );
  const writer = await client();
  const reasons = new Set<string | null>();
  const writing = (async () => {
    while (!reasons.has('log grows')) await writer.query('update s.t set v = v + 1 where id <= 100');
    await run(server.url, schema, 'drop trigger slow on t_gw_new');
  })();
  await copied({
    throttle: () => (reasons.has('log grows') ? 0 : 0.8),
    limits: { ...roomy, logLength: 1 },
    onProgress: ({ tables }) => reasons.add(tables[0]!.throttledBy),
  });
  expect(reasons).toContain('log grows');
  await writing;
  await writer.end();
  expect(await rows(server.url, schema, 'select count(*)::int as n from t_gw_new')).toEqual([{ n: 5000 }]);
}, 120_000);

test('a log that cannot be followed as fast as it grows is told of', async () => {
  await copied();
  await run(
    server.url,
    schema,
    `create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.005); return new; end'`,
    'create trigger slow before insert on t_gw_new for each row execute function slow()',
  );
  const writer = await client();
  let done = false;
  const writing = (async () => {
    for (let at = 0; !done; at = (at + 50) % 500)
      await writer.query(`update s.t set v = v + 1 where id > ${at} and id <= ${at + 50}`);
  })();
  const signal = AbortSignal.timeout(60_000);
  await expect(
    engine.follow(change, { signal, limits: { ...roomy, logLength: 100, behindSeconds: 2 } }),
  ).rejects.toMatchObject({ code: 'CHANGE_BEHIND', data: { changeId: 'slow' } });
  done = true;
  await writing;
  await writer.end();
}, 120_000);

function pidOf(session: Client): number {
  return (session as unknown as { processID: number }).processID;
}
