import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { openSession } from '../../drivers/database/mysql/session';
import type { TestMySql } from './support/servers';
import { followed, planned, proven, rows, run, work } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

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

/** Somebody who runs one statement after another, and counts those that were done. */
async function writing(
  statement: (n: number) => readonly string[],
  action: () => Promise<void>,
): Promise<{ done: number; errors: ReadonlyMap<number, number> }> {
  let stopped = false;
  let done = 0;
  const errors = new Map<number, number>();
  const writers = [0, 1, 2].map(async (w) => {
    const session = await openSession(url);
    for (let n = w; !stopped; n += 3) {
      try {
        for (const each of statement(n)) await session.execute(each);
        done++;
      } catch (error) {
        const { errno } = error as { errno: number };
        errors.set(errno, (errors.get(errno) ?? 0) + 1);
        await session.execute('rollback');
      }
      await sleep(1 + Math.random() * 2);
    }
    session.destroy();
  });
  try {
    await sleep(50);
    await action();
  } finally {
    stopped = true;
    await Promise.all(writers);
  }
  return { done, errors };
}

/** Through everything: to the new side, back, there again and back, proven at each end. */
async function thereAndBack(change: PlannedChange): Promise<void> {
  await engine.prepare(change, work());
  await engine.copy(change, work());
  for (const swap of ['cutOver', 'revert', 'reapply'] as const) {
    expect(await proven(engine, change)).toMatchObject({ differing: [], differingCount: 0 });
    await engine[swap](change, options, work());
  }
  expect(await proven(engine, change)).toMatchObject({ differing: [], differingCount: 0 });
}

async function tablesNow(): Promise<unknown> {
  return (await engine.introspect()).tables;
}

test('users’ triggers fire once for each write, whichever side is live', async () => {
  const change = await planned(
    server.url,
    'triggers',
    [
      'create table audit (id int auto_increment primary key, op varchar(9), k int, b int)',
      'create table t (id int auto_increment primary key, v varchar(40), b int)',
      "insert into t (v, b) select 'init', 1 from seq_1_to_3000",
      'create trigger tb before insert on t for each row set new.b = coalesce(new.b, 0) + 1',
      "create trigger ta after insert on t for each row insert into audit (op, k, b) values ('i', new.id, new.b) -- done",
      "create trigger tu after update on t for each row begin declare x int; set x = 3; insert into audit (op, k, b) values ('u', old.id, x); end",
      "create trigger td after delete on t for each row insert into audit (op, k) values ('d', old.id)",
    ],
    ['alter table t modify v varchar(60), add column more int not null default 4'],
  );
  const { errors } = await writing(
    (n) => [
      `insert into t (id, v, b) values (${100_000 + n}, 'x', 0)`,
      `update t set v = 'y' where id = ${100_000 + n}`,
      ...(n % 4 === 0 ? [`delete from t where id = ${100_000 + n}`] : []),
    ],
    async () => {
      await thereAndBack(change);
      await engine.finish(change, work());
      await sleep(100);
    },
  );
  expect([...errors]).toEqual([]);
  const [count] = await rows(
    url,
    `select (select count(*) from audit where op = 'i') as i, (select count(*) from audit where op = 'u') as u,
       (select count(*) from audit where op = 'd') as d, (select count(*) from t where id >= 100000) as rows_,
       (select count(*) from t where id >= 100000 and b <> 1) as wrong, (select count(distinct k) from audit where op = 'i') as distinct_`,
  );
  expect(count!.i).toBe(count!.distinct_);
  expect(count!.u).toBe(count!.i);
  expect(Number(count!.rows_) + Number(count!.d)).toBe(Number(count!.i));
  expect(Number(count!.i)).toBeGreaterThan(100);
  expect(Number(count!.wrong)).toBe(0);
  expect(await tablesNow()).toEqual(change.to.tables);
  expect(await engine.leftovers()).toEqual([]);
}, 120_000);

test('tables that are altered, made and dropped, and views, change together', async () => {
  const change = await planned(
    server.url,
    'several',
    [
      'create table a (id int primary key, n int not null)',
      'create table b (id int primary key, n int not null)',
      'create table a_b (id int primary key, n int not null)',
      'create table gone (id int primary key, v int)',
      'insert into a select seq, 0 from seq_1_to_500',
      'insert into b select seq, 0 from seq_1_to_500',
      'insert into a_b select seq, 0 from seq_1_to_500',
      'insert into gone select seq, seq from seq_1_to_100',
      'create view seen as select id, n from a',
    ],
    [
      'alter table a modify n bigint not null',
      'alter table b modify n bigint not null',
      'alter table a_b modify n bigint not null',
      'drop table gone',
      'create table fresh (id int primary key)',
      'create or replace view seen as select id, n, n + 1 as m from a',
      'create view other as select id from fresh',
    ],
  );
  const before = await engine.introspect();
  let swaps = 0;
  const { done, errors } = await writing(
    // One transaction over all of them: no row may be behind the others.
    (n) => {
      const id = 1 + (n % 500);
      const tables = [
        ['a', 'b', 'a_b'],
        ['a_b', 'b', 'a'],
        ['b', 'a', 'a_b'],
      ][n % 3]!;
      return ['begin', ...tables.map((table) => `update ${table} set n = n + 1 where id = ${id}`), 'commit'];
    },
    async () => {
      await engine.prepare(change, work());
      await engine.copy(change, work());
      for (const move of ['cutOver', 'revert', 'reapply', 'revert', 'reapply', 'revert'] as const) {
        await engine[move](change, options, work());
        swaps++;
        expect(await proven(engine, change)).toMatchObject({ differingCount: 0 });
      }
    },
  );
  expect(swaps).toBe(6);
  // Deadlocks and a session that waited behind another are users' own; nothing else may be.
  expect([...errors.keys()].filter((errno) => errno !== 1213)).toEqual([]);
  const [sum] = await rows(
    url,
    'select (select sum(n) from a) as a, (select sum(n) from b) as b, (select sum(n) from a_b) as c',
  );
  expect(sum).toEqual({ a: String(done), b: String(done), c: String(done) });
  expect(await engine.introspect()).toMatchObject({ views: before.views });
  expect(await rows(url, 'select count(*) as n from gone')).toEqual([{ n: '100' }]);
  await engine.reapply(change, options, work());
  await engine.finish(change, work());
  expect(await engine.introspect()).toEqual(change.to);
  expect(await engine.leftovers()).toEqual([]);
}, 120_000);

test('keys of several columns, of text and of other collations, and renamed columns are followed exactly', async () => {
  const change = await planned(
    server.url,
    'keys',
    [
      'create table pair (x int not null, y varchar(20) not null, v int, primary key (x, y)) charset=latin1',
      "create table words (w varchar(30) collate utf8mb4_bin primary key, n int default 0, gone varchar(10) default 'none')",
      'create table uniq (id int not null, u varchar(20) character set latin1 not null, v int, unique key by_u (u))',
      "insert into pair select seq % 7, concat('y', seq), seq from seq_1_to_1000",
      "insert into words select concat('w', seq), seq, concat('g', seq) from seq_1_to_1000",
      "insert into uniq select seq, concat('u', seq), seq from seq_1_to_1000",
    ],
    [
      'alter table pair change y z varchar(40) character set utf8mb4 collate utf8mb4_unicode_ci not null, modify v bigint',
      'alter table words modify w varchar(40) collate utf8mb4_general_ci, drop column gone, add column own int default 5',
      'alter table uniq modify u varchar(20) character set utf8mb4 not null, modify v bigint',
    ],
    [{ table: 'pair', from: 'y', to: 'z' }],
  );
  let live = 'y';
  const { errors } = await writing(
    (n) => {
      const id = 1 + Math.floor(Math.random() * 1000);
      const s = ['', 'é', ' '][n % 3]!;
      return [
        `insert into pair values (${n % 7}, 'n${n}${s}', 1)`,
        `update pair set v = v + 1000 where v = ${id}`,
        `update words set w = upper(w) where n = ${id}`,
        `update words set w = concat('moved', n, '_${n}'), n = n + 0 where n = ${1 + (id % 300)}`,
        `update uniq set u = concat('v', ${id}, '${s === ' ' ? 'x' : s}') where id = ${id}`,
        `delete from uniq where id = ${id} and id % 5 = 0`,
        `replace into uniq values (${5 * (id % 200)}, 'r${n}', 3)`,
      ];
    },
    async () => {
      await thereAndBack(change);
      await engine.revert(change, options, work());
      live = 'y again';
    },
  );
  expect(live).toBe('y again');
  expect([...errors.keys()].filter((errno) => ![1213, 1062].includes(errno))).toEqual([]);
  // What a row had for itself went with it, wherever its key went.
  expect(await rows(url, "select count(*) as n from words where gone <> concat('g', n)")).toEqual([{ n: '0' }]);
  expect(await rows(url, "select count(*) > 50 as many from words where w like 'moved%'")).toEqual([{ many: 1 }]);
  expect(await proven(engine, change)).toMatchObject({ differingCount: 0 });
  await engine.finish(change, work());
  expect(await tablesNow()).toEqual(change.from.tables);
}, 120_000);

test('a row that does not fit is named, users never notice, and once it is mended the change goes on', async () => {
  const change = await planned(
    server.url,
    'unfit',
    [
      'create table t (id int primary key, v varchar(20), n int)',
      "insert into t select seq, 'fits', 1 from seq_1_to_2000",
    ],
    ['alter table t modify v varchar(6) not null, modify n tinyint'],
  );
  await engine.prepare(change, work());
  const { errors } = await writing(
    (n) => [`update t set v = '${n % 2 ? 'short' : 'small'}' where id = ${1 + (n % 1000)}`],
    async () => {
      await run(url, "update t set v = 'much too long' where id = 1500", 'update t set n = 999 where id = 1600');
      await engine.copy(change, work());
      await run(url, 'insert into t values (5000, null, 1)');
      await followed(engine, change, async () => {
        for (const deadline = Date.now() + 10_000; (await refusedKeys()).length < 3 && Date.now() < deadline;)
          await sleep(50);
      });
      await expect(engine.cutOver(change, options, work())).rejects.toMatchObject({ code: 'ROWS_REFUSED' });
    },
  );
  expect([...errors]).toEqual([]);
  expect(await refusedKeys()).toEqual(['1406 1500', '1264 1600', '1048 5000'].toSorted());
  await run(url, "update t set v = 'ok', n = 1 where id in (1500, 1600, 5000)");
  expect(await proven(engine, change)).toMatchObject({ differingCount: 0 });
  expect(await refusedKeys()).toEqual([]);
  await engine.cutOver(change, options, work());
  // The old side is wider: nothing that is written now can be lost by a revert.
  await run(url, "update t set v = 'newer' where id = 1500");
  await engine.revert(change, options, work());
  expect(await rows(url, 'select v from t where id = 1500')).toEqual([{ v: 'newer' }]);
  await engine.finish(change, work());
}, 120_000);

async function refusedKeys(): Promise<string[]> {
  const state = await engine.state('unfit');
  return state!.tables.flatMap(({ failed }) => failed.map(({ code, key }) => `${code} ${key.k1}`)).toSorted();
}

test('cancelling leaves the catalog as it was, to the byte', async () => {
  const change = await planned(
    server.url,
    'cancelled',
    [
      'create table t (id int auto_increment primary key, v int)',
      'create table gone (id int primary key)',
      'create trigger x before insert on t for each row set new.v = 1',
      'insert into t (v) select seq from seq_1_to_5000',
    ],
    ['alter table t modify v bigint', 'drop table gone', 'create table fresh (id int)'],
  );
  for (const stage of [
    'prepare.state',
    'prepare.claimed',
    'prepare.ghost',
    'prepare.trigger',
    'copy.chunked',
    'copy.done',
  ]) {
    const before = await catalog();
    const stopping = new MySqlEngine({
      url,
      onPoint: (point) => {
        if (point === stage) throw new Error(`stopped at ${stage}`);
      },
    });
    await expect(
      stopping.prepare(change, work()).then(async () => await stopping.copy(change, work())),
    ).rejects.toThrow(`stopped at ${stage}`);
    await engine.cancel(change, work());
    await engine.cancel(change, work());
    expect(await catalog()).toEqual(before);
  }
}, 120_000);

/** Everything that the catalog tells of the schema, but when a table was made and how many rows it may have. */
async function catalog(): Promise<unknown> {
  const tables = await rows(
    url,
    "select table_name as table_name, table_type, table_comment, create_options, auto_increment from information_schema.tables where table_schema = 'app' order by 1",
  );
  const made = [];
  for (const { table_name: table } of tables) made.push(...(await rows(url, `show create table \`${String(table)}\``)));
  const triggers = await rows(
    url,
    "select trigger_name, event_object_table, action_order, action_statement, sql_mode, definer, created from information_schema.triggers where trigger_schema = 'app' order by 1",
  );
  return { tables, made, triggers };
}

test('a table belongs to one change at a time', async () => {
  const first = await planned(
    server.url,
    'first',
    ['create table t (id int primary key, v int)', 'create table u (id int primary key, v int)'],
    ['alter table t modify v bigint'],
  );
  const second = { ...first, id: 'second' };
  const to = { ...first.from, tables: first.to.tables.filter(({ name }) => name !== 't') };
  const dropping = { ...first, id: 'dropping', to, operations: [] };
  expect(dropping.operations).toEqual([]);
  await engine.prepare(first, work());
  await expect(engine.prepare(second, work())).rejects.toMatchObject({ code: 'CHANGE_CONFLICT' });
  await run(url, 'truncate t');
  await engine.copy(first, work());
  await expect(engine.cutOver(first, options, work())).rejects.toMatchObject({ code: 'CHANGE_DRIFTED' });
  await engine.cancel(first, work());
  expect(await engine.leftovers()).toEqual([]);
}, 60_000);

test('a session that holds a table is named, others write on, and force ends it', async () => {
  const change = await planned(
    server.url,
    'blocked',
    ['create table t (id int primary key, v int)', 'insert into t select seq, 0 from seq_1_to_100'],
    ['alter table t modify v bigint'],
  );
  await engine.prepare(change, work());
  await engine.copy(change, work());
  const holder = await openSession(url);
  await holder.execute('begin');
  await holder.execute('update t set v = 1 where id = 100');
  const { done, errors } = await writing(
    (n) => [`update t set v = v + 1 where id = ${1 + (n % 90)}`],
    async () => {
      await expect(engine.cutOver(change, { force: false, deadlineMs: 2_500 }, work())).rejects.toMatchObject({
        code: 'CHANGE_BLOCKED',
        data: { blockers: [expect.objectContaining({ session: String(holder.id), user: 'root' })] },
      });
    },
  );
  expect([...errors]).toEqual([]);
  expect(done).toBeGreaterThan(100);
  expect(await engine.blockers(change)).toMatchObject([{ session: String(holder.id) }]);
  await engine.cutOver(change, { force: true, deadlineMs: 500 }, work());
  await expect(holder.query('select 1')).rejects.toMatchObject({ fatal: true });
  expect(await proven(engine, change)).toMatchObject({ differingCount: 0 });
  await engine.finish(change, work());
  expect(await tablesNow()).toEqual(change.to.tables);
}, 60_000);

test('names may have anything in them', async () => {
  const names = ['we`ird; drop table t', 'it\'s "quoted"', 'select', 'önner 表', 'x'.repeat(64), 'a-b.c'];
  const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
  const change = await planned(
    server.url,
    'named',
    names.map((name) => `create table ${quoted(name)} (${quoted(name)} int primary key, v int)`),
    names.map(
      (name) => `alter table ${quoted(name)} modify v bigint, add column ${quoted(`${name.slice(0, 60)}2`)} int`,
    ),
  );
  await run(url, ...names.map((name) => `insert into ${quoted(name)} values (1, 1)`));
  await thereAndBack(change);
  await run(url, ...names.map((name) => `update ${quoted(name)} set ${quoted(name)} = 2`));
  await engine.revert(change, options, work());
  for (const name of names)
    expect(await rows(url, `select v from ${quoted(name)} where ${quoted(name)} = 2`)).toEqual([{ v: 1 }]);
  await engine.finish(change, work());
  expect(await tablesNow()).toEqual(change.from.tables);
  expect(await engine.leftovers()).toEqual([]);
}, 60_000);
