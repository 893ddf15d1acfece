import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { followed, planned, proven, rows, run, using, work } from './support/mysql-plan';
import { privateMariaDb, type TestMySql } from './support/servers';

let server: TestMySql;
let url: string;
let engine: MySqlEngine;

beforeAll(async () => {
  server = await privateMariaDb();
  url = `${server.url}app`;
  engine = new MySqlEngine({ url });
}, 60_000);

afterAll(async () => await server.stop());

const options = { force: false, deadlineMs: 20_000, acceptLosses: true };

/** The share of a change that one table has, as a change of its own. */
function alone(change: PlannedChange, table: string, id: string): PlannedChange {
  const { from, operations } = change;
  const altered = change.to.tables.find(({ name }) => name === table)!;
  const to = { ...from, tables: from.tables.map((each) => (each.name === table ? altered : each)) };
  return { ...change, id, to, operations: operations.filter(({ name }) => name === table) };
}

test('changes of two tables run together, and of two that a foreign key binds only one', async () => {
  const both = await planned(
    server.url,
    'both',
    [
      'create table p (id int primary key, v int)',
      'create table c (id int primary key, p int, v int, constraint fk foreign key (p) references p (id))',
      'create table far (id int primary key, v int)',
      ...['p', 'far'].map((table) => `insert into ${table} select seq, 0 from seq_1_to_2000`),
      'insert into c select seq, seq, 0 from seq_1_to_2000',
    ],
    ['p', 'c', 'far'].map((table) => `alter table ${table} modify v bigint`),
  );
  const [parent, child, far] = [alone(both, 'p', 'parent'), alone(both, 'c', 'child'), alone(both, 'far', 'far')];
  const begun = await Promise.allSettled([parent, child].map(async (change) => await engine.prepare(change, work())));
  const refused = begun.flatMap((each) => (each.status === 'rejected' ? [each.reason as { code: string }] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const { code } of refused) expect(code).toBe('CHANGE_CONFLICT');
  for (const change of [parent, child]) await engine.cancel(change, work());
  expect(await engine.leftovers()).toEqual([]);

  let stopped = false;
  let written = 0;
  const writing = using(url, async (session) => {
    for (; !stopped; written++)
      for (const table of ['c', 'far'])
        await session.execute(`update ${table} set v = v + 1 where id = ${1 + (written % 2000)}`);
  });
  const live = async (change: PlannedChange): Promise<void> => {
    await engine.prepare(change, work());
    await engine.copy(change, work());
    for (const swap of ['cutOver', 'revert', 'reapply'] as const) {
      expect(await proven(engine, change)).toMatchObject({ differing: [] });
      await engine[swap](change, options, work());
    }
    await engine.finish(change, work());
  };
  await Promise.all([child, far].map(live));
  stopped = true;
  await writing;
  for (const table of ['c', 'far'])
    expect(await rows(url, `select sum(v) as n from ${table}`)).toEqual([{ n: String(written) }]);
  expect(await engine.leftovers()).toEqual([]);
}, 120_000);

test('everything of a change that nobody remembers is named, whatever its tables are called', async () => {
  const long = 'ü'.repeat(64);
  const change = await planned(
    server.url,
    'forgotten',
    [
      `create table \`${long}\` (id int primary key, v int)`,
      'create table t (id int primary key, p int, constraint fk foreign key (p) references p_ (id))',
      `insert into \`${long}\` values (1, 1)`,
      'insert into t values (1, null)',
    ].toSpliced(0, 0, 'create table p_ (id int primary key)'),
    [`alter table \`${long}\` modify v bigint`, 'alter table t add x int'],
  );
  await engine.prepare(change, work());
  await engine.copy(change, work());
  await engine.cutOver(change, options, work());
  const known = await engine.leftovers();
  const [state] = known.filter(({ name }) => name.endsWith('_s'));
  await run(url, `drop table \`${state!.name}\``);
  expect(await engine.state('forgotten')).toBeNull();
  const found = await engine.leftovers();
  expect(found).toEqual(known.filter((each) => each !== state));
  expect(new Set(found.map(({ changeId }) => changeId))).toEqual(new Set(['forgotten']));
  expect(
    found
      .filter(({ holdsRows }) => holdsRows)
      .map(({ name }) => name.slice(-5))
      .toSorted(),
  ).toEqual(['_gw_o', '_gw_o']);
  const ends = (kind: string): string[] =>
    found.flatMap((each) => (each.kind === kind ? [each.name.slice(each.name.lastIndexOf('_gw_'))] : [])).toSorted();
  // What helped the swap is there too.
  expect(ends('table').filter((end) => !/[xyz]$/.test(end))).toEqual(
    ['_gw_c', '_gw_f', '_gw_l', '_gw_o'].flatMap((end) => [end, end]),
  );
  expect(ends('trigger')).toEqual(
    ['_gw_nd', '_gw_ni', '_gw_nu', '_gw_td', '_gw_ti', '_gw_tu'].flatMap((end) => [end, end]),
  );
  expect(found.filter(({ kind }) => kind === 'constraint').map(({ name }) => name)).toEqual(['fk_gw_k']);
});

test('rows of megabytes are copied, followed and taken back to the byte', async () => {
  const change = await planned(
    server.url,
    'big',
    [
      'create table t (id int primary key, m mediumtext, bl longblob, v int)',
      "insert into t select seq, repeat(concat('é', seq), 200000), repeat(unhex(md5(seq)), 60000), 0 from seq_1_to_30",
    ],
    ['alter table t modify m longtext, modify v bigint'],
  );
  const digest = async (): Promise<unknown> =>
    await rows(url, 'select id, md5(m) as m, md5(bl) as b, cast(v as char) as v from t order by id');
  await engine.prepare(change, work());
  await engine.copy(change, work());
  await run(
    url,
    "update t set m = concat(m, 'more') where id < 6",
    'update t set id = id + 100, v = 1 where id = 9',
    'delete from t where id = 30',
  );
  expect(await proven(engine, change)).toMatchObject({ differing: [], rowsCompared: 29 });
  const before = await digest();
  await engine.cutOver(change, options, work());
  expect(await digest()).toEqual(before);
  await run(url, "update t set bl = concat(bl, 'x') where id = 3", 'update t set id = 200 where id = 7');
  const written = await digest();
  await engine.revert(change, options, work());
  expect(await digest()).toEqual(written);
  await engine.finish(change, work());
}, 60_000);

test('a change that cannot keep up says so, and goes on once writers are slower', async () => {
  const change = await planned(
    server.url,
    'behind',
    [
      'create table t (id int primary key, m mediumtext, v int)',
      "insert into t select seq, repeat('x', 300000), 0 from seq_1_to_300",
    ],
    ['alter table t modify v bigint'],
  );
  await engine.prepare(change, work());
  await engine.copy(change, work());
  let stopped = false;
  // Notes come far faster than rows of such a size are read.
  const noting = [1, 2].map(
    async () =>
      await using(url, async (session) => {
        for (; !stopped; await sleep(50)) {
          const [count] = await session.query('select count(*) as n from t_gw_l');
          if (Number(count!.n) < 1_500)
            await session.execute("insert into t_gw_l (op, k1) select 'u', seq from seq_1_to_300");
        }
      }),
  );
  try {
    await expect(engine.cutOver(change, options, work())).rejects.toMatchObject({ code: 'CHANGE_BEHIND' });
  } finally {
    stopped = true;
    await Promise.all(noting);
  }
  expect(await engine.state('behind')).toMatchObject({ phase: 'copied' });
  await followed(engine, change, async () => {
    while ((await engine.state('behind'))!.tables[0]!.logLength > 0) await sleep(100);
  });
  await engine.cutOver(change, options, work());
  await engine.finish(change, work());
  expect((await engine.introspect()).tables).toEqual(change.to.tables);
}, 120_000);

test('what a long transaction wrote is followed, though what others wrote after it was followed before', async () => {
  const change = await planned(
    server.url,
    'late',
    ['create table t (id int primary key, v int not null)', 'insert into t select seq, 0 from seq_1_to_100'],
    ['alter table t modify v bigint not null'],
  );
  await engine.prepare(change, work());
  await engine.copy(change, work());
  const arrives = async (id: number): Promise<void> => {
    const there = async (): Promise<boolean> =>
      (await rows(url, `select 1 from t_gw_g where id = ${id} and v > 0`)).length > 0;
    for (const deadline = Date.now() + 30_000; !(await there()); await sleep(20))
      if (Date.now() > deadline) throw new Error(`row ${id} is not followed`);
  };
  let stopped = false;
  const writing = using(url, async (session) => {
    for (let n = 0; !stopped; n++) await session.execute(`update t set v = v + 1 where id = ${2 + (n % 99)}`);
  });
  await using(url, async (late) => {
    await late.execute('begin');
    await late.execute('update t set v = 1 where id = 1');
    await followed(engine, change, async () => {
      await arrives(50);
      await late.execute('commit');
      await arrives(1);
    });
  });
  stopped = true;
  await writing;
  expect(await proven(engine, change)).toMatchObject({ differing: [], rowsCompared: 100 });
  await engine.cancel(change, work());
}, 120_000);

test('a table that the server takes for empty is not read whole for every note about it', async () => {
  await run(server.url, 'set global innodb_stats_auto_recalc = off');
  const change = await planned(
    server.url,
    'statistics',
    ['create table t (id int primary key, v int not null)', 'insert into t select seq, 0 from seq_1_to_5000'],
    ['alter table t modify v bigint not null'],
  );
  await engine.prepare(change, work());
  await engine.copy(change, work());
  // What it counted itself it forgets with a name.
  await engine.cutOver(change, options, work());
  await engine.revert(change, options, work());
  expect(await rows(url, 'select n_rows from mysql.innodb_table_stats where table_name like "t_gw_g%"')).toEqual([
    { n_rows: '0' },
  ]);
  await run(url, 'update t set v = 1');
  const read = async (): Promise<number> => {
    const [row] = await rows(url, "show global status like 'Handler_read_rnd_next'");
    return Number(row!.Value);
  };
  const before = await read();
  await engine.reapply(change, options, work());
  expect((await read()) - before).toBeLessThan(500_000);
  expect(await rows(url, 'select count(*) as n from t where v = 1')).toEqual([{ n: '5000' }]);
  await engine.finish(change, work());
  await run(server.url, 'set global innodb_stats_auto_recalc = on');
}, 60_000);
