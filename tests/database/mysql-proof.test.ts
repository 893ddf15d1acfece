import { MySqlEngine } from '../../drivers/database/mysql/engine';
import type { TestMySql } from './support/servers';
import { planned, proven, run, work } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let url: string;

beforeAll(async () => {
  server = await privateMariaDb();
  url = `${server.url}app`;
}, 60_000);

afterAll(async () => await server.stop());

const ROWS = 12_000;

const plain = ['create table t (id int primary key, v int)', `insert into t select seq, seq from seq_1_to_${ROWS}`];
const widened = ['alter table t modify v bigint'];

/** An engine whose comparison ends after so many chunks, as if its process had. */
function mortal(chunks: number): MySqlEngine {
  let seen = 0;
  return new MySqlEngine({
    url,
    onPoint: (name) => {
      if (name === 'prove.chunk' && ++seen >= chunks) throw new Error('the process ended');
    },
  });
}

test('another process goes on where one that compared has ended', async () => {
  const change = await planned(server.url, 'resumed', plain, widened);
  const engine = new MySqlEngine({ url });
  await engine.prepare(change, work());
  await engine.copy(change, work());
  await expect(mortal(1).prove(change, work())).rejects.toThrow('the process ended');
  // What was compared is not compared again, so that only the whole comparison after it tells.
  await run(url, 'update t_gw_g set v = -1 where id = 1');
  await run(url, 'delete from t_gw_l');
  expect(await engine.prove(change, work())).toEqual({ rowsCompared: ROWS, differing: [], differingCount: 0 });
  expect(await engine.prove(change, work())).toEqual({
    ...{ rowsCompared: ROWS, differingCount: 1 },
    differing: [{ table: 't', key: { id: '1' } }],
  });
  // What was found and told to nobody is found again.
  await expect(mortal(2).prove(change, work())).rejects.toThrow('the process ended');
  expect(await engine.prove(change, work())).toMatchObject({ rowsCompared: ROWS, differingCount: 1 });
  await engine.cancel(change, work());
}, 60_000);

test('a comparison that was begun before a swap is worth nothing after it', async () => {
  const change = await planned(server.url, 'swapped', plain, widened);
  const engine = new MySqlEngine({ url });
  await engine.prepare(change, work());
  await engine.copy(change, work());
  await expect(mortal(1).prove(change, work())).rejects.toThrow('the process ended');
  await engine.cutOver(change, { force: false, deadlineMs: 20_000 }, work());
  await run(url, 'update t_gw_o set v = -1 where id = 1');
  await run(url, 'delete from t_gw_l');
  expect(await engine.prove(change, work())).toMatchObject({ rowsCompared: ROWS, differingCount: 1 });
  await engine.finish(change, work());
}, 60_000);

test('of two that compare the same, the one that was there first gives up', async () => {
  const change = await planned(server.url, 'twice', plain, widened);
  const engine = new MySqlEngine({ url });
  await engine.prepare(change, work());
  await engine.copy(change, work());
  const second: Promise<unknown>[] = [];
  const first = new MySqlEngine({
    url,
    onPoint: async (name) => {
      if (name !== 'prove.chunk' || second.length > 0) return;
      second.push(engine.prove(change, work()));
      await second[0];
    },
  });
  await expect(first.prove(change, work())).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await second[0]).toMatchObject({ rowsCompared: ROWS, differingCount: 0 });
  await engine.cancel(change, work());
}, 60_000);

test.each([
  ['a number', 'id int primary key', 'seq', ''],
  ['several columns', 'a int, id int, primary key (a, id)', 'seq % 7, seq', ''],
  ['text', 'id varchar(20) character set latin1 primary key', 'seq', ''],
  ['text of another collation', 'id varchar(20) primary key', 'seq', 'modify id varchar(20) collate utf8mb4_bin,'],
  [
    'text of another character set',
    'id varchar(20) character set latin1 primary key',
    'seq',
    'modify id varchar(20) character set utf8mb4,',
  ],
])(
  'what differs is named by a key of %s',
  async (_, key, values, more) => {
    const before = [
      `create table t (${key}, s varchar(20), n decimal(10, 2), x int)`,
      `insert into t select ${values}, 'abc', seq / 3, nullif(seq % 3, 0) from seq_1_to_3000`,
    ];
    const change = await planned(server.url, 'differs', before, [`alter table t ${more} modify x bigint`]);
    const engine = new MySqlEngine({ url });
    await engine.prepare(change, work());
    await engine.copy(change, work());
    expect(await proven(engine, change)).toMatchObject({ rowsCompared: 3000, differingCount: 0 });
    await run(
      url,
      ...["update t_gw_g set s = 'ABC' where id = 5", "update t_gw_g set s = 'abc ' where id = 17"],
      ...['update t_gw_g set x = null where id = 100', 'update t_gw_g set x = 0 where id = 300'],
      ...['delete from t_gw_g where id = 2999', 'delete from t where id = 1000', 'delete from t where id = 3000'],
    );
    // As if they had been followed.
    await run(url, 'delete from t_gw_l');
    const { differing, differingCount, rowsCompared } = await engine.prove(change, work());
    expect(differing.map(({ key }) => Number(key.id)).toSorted((a, b) => a - b)).toEqual([
      ...[5, 17, 100, 300, 1000, 2999, 3000],
    ]);
    expect({ differingCount, rowsCompared }).toEqual({ differingCount: 7, rowsCompared: 2998 });
    await engine.cancel(change, work());
  },
  60_000,
);
