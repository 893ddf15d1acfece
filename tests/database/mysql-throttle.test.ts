import type { PlannedChange } from '../../domain/schema/plan';
import type { Work } from '../../drivers/database/engine';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { openSession } from '../../drivers/database/mysql/session';
import { Following, roomy } from './support/following';
import { planned, rows, run } from './support/mysql-plan';
import { privateMariaDb, type TestMySql } from './support/servers';

let server: TestMySql;
let url: string;

beforeAll(async () => {
  server = await privateMariaDb();
  url = `${server.url}app`;
}, 60_000);

afterAll(async () => await server.stop());

let engine: MySqlEngine;
let change: PlannedChange;

async function prepared(replicas: readonly string[] = []): Promise<void> {
  engine = new MySqlEngine({ url, replicas });
  change = await planned(
    server.url,
    'slow',
    ['create table t (id int primary key, v int not null)', 'insert into t select seq, 0 from seq_1_to_5000'],
    ['alter table t add x int'],
  );
  await engine.prepare(change, { signal: new AbortController().signal });
}

const copied = async (work: Partial<Work> = {}): Promise<void> =>
  await engine.copy(change, { signal: new AbortController().signal, limits: roomy, ...work });

test('it is slowed by sessions at work, and not when they are gone', async () => {
  await prepared();
  await copied();
  const busy = await Promise.all([1, 2, 3, 4].map(async () => await openSession(url)));
  const working = Promise.all(busy.map((each) => each.query('select sleep(600)').catch(() => undefined)));
  const following = new Following(engine, change, { threadsRunning: 2 });
  expect(await following.says((reason) => reason !== null)).toMatch(/^threads running [4-9]$/);
  for (const each of busy) {
    await run(url, `kill ${each.id}`);
    each.destroy();
  }
  await working;
  await following.says((reason) => reason === null);
  await following.stop();
}, 120_000);

test('it is slowed by writes that take long, and not when they do not', async () => {
  await prepared();
  await copied();
  await run(url, 'create trigger slow before update on t_gw_s for each row do sleep(if(new.id = 2, 0.3, 0))');
  const following = new Following(engine, change, { writeP99Ms: 250 });
  expect(await following.says((reason) => reason !== null)).toBe('writes slow');
  await run(url, 'drop trigger slow');
  await following.says((reason) => reason === null);
  await following.stop();
}, 120_000);

test('it is slowed by a replica that is behind, and not when it has caught up', async () => {
  const replica = await privateMariaDb({ 'server-id': '2' });
  try {
    const [at] = await rows(server.url, 'select @@gtid_binlog_pos as position');
    const { port, username, password } = new URL(server.url);
    await run(
      replica.url,
      'create database app',
      `set global gtid_slave_pos = '${String(at!.position)}'`,
      `change master to master_host = '127.0.0.1', master_port = ${port}, master_user = '${username}',
         master_password = '${password}', master_use_gtid = slave_pos, master_connect_retry = 1`,
      'start slave',
    );
    await prepared([`${replica.url}app`]);
    await copied();
    const following = new Following(engine, change, { replicaLagSeconds: 1.5 });
    await run(replica.url, 'stop slave sql_thread');
    expect(await following.says((reason) => reason !== null)).toMatch(/^replica lag [1-9][\d.]* s$/);
    await run(replica.url, 'start slave sql_thread');
    await following.says((reason) => reason === null);
    await following.stop();
    // What the replica has is what was written.
    expect(await rows(`${replica.url}app`, 'select count(*) as n from t_gw_g')).toEqual([{ n: '5000' }]);
  } finally {
    await replica.stop();
  }
}, 180_000);

test('a copy is slowed by a log that fills up, and done all the same', async () => {
  await prepared();
  const reasons = new Set<string | null>();
  const writer = await openSession(url);
  let done = false;
  const writing = (async () => {
    while (!done) await writer.execute('update t set v = v + 1 where id <= 200');
  })();
  try {
    await copied({
      throttle: () => (reasons.has('log grows') ? 0 : 0.9),
      limits: { ...roomy, logLength: 1 },
      onProgress: ({ tables }) => reasons.add(tables[0]!.throttledBy),
    });
  } finally {
    done = true;
    await writing;
    writer.destroy();
  }
  expect(reasons).toContain('log grows');
  expect((await engine.state('slow'))!.phase).toBe('copied');
  expect(await rows(url, 'select count(*) as n from t_gw_g')).toEqual([{ n: '5000' }]);
}, 120_000);

test('what is asked for is said', async () => {
  await prepared();
  const reasons: (string | null)[] = [];
  await copied({ throttle: () => 0.5, onProgress: ({ tables }) => reasons.push(tables[0]!.throttledBy) });
  expect(reasons).toContain('asked');
}, 60_000);
