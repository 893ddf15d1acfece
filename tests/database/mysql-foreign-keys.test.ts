import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { openSession } from '../../drivers/database/mysql/session';
import type { TestMySql } from './support/servers';
import { planned, proven, rows, work } from './support/mysql-plan';
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

const family = [
  'create table gp (id int primary key)',
  'create table par (id int primary key, x int, g int, constraint fk_p foreign key (g) references gp (id) on delete cascade on update cascade)',
  'create table zp (id int primary key)',
  `create table t (id int auto_increment primary key, p int, q int, s int, w int not null default 0, gone varchar(9) not null default 'gg',
     constraint fk_a foreign key (p) references par (id) on delete cascade on update cascade,
     constraint fk_b foreign key (q) references zp (id) on delete set null on update cascade,
     constraint fk_s foreign key (s) references t (id))`,
  'create table ch (id int auto_increment primary key, tid int not null, constraint fk_c foreign key (tid) references t (id) on delete cascade)',
  'create table kept (id int auto_increment primary key, tid int, constraint fk_k foreign key (tid) references t (id))',
  'insert into gp select seq from seq_1_to_10',
  'insert into par select seq, 0, 1 + seq % 10 from seq_1_to_40',
  'insert into zp select seq from seq_1_to_20',
  'insert into t (p, q) select 1 + seq % 40, 1 + seq % 20 from seq_1_to_2000',
  'insert into ch (tid) select 1 + seq % 2000 from seq_1_to_1000',
];

const dice = (n: number): number => 1 + Math.floor(Math.random() * n);

/** What people do to a family: children come and go, parents go with all that is theirs, or take another number. */
const deeds: readonly (() => string)[] = [
  () => `insert into t (p, q, s) values (${dice(42)}, ${dice(20)}, null)`,
  () => `insert into t (p, q, s) values (${dice(42)}, null, ${dice(2000)})`,
  () => `insert into ch (tid) values (${dice(2200)})`,
  () => `insert into kept (tid) values (${dice(2200)})`,
  () => `update t set p = ${dice(42)}, w = w + 1 where id = ${dice(2000)}`,
  () => `update ignore t set q = ${dice(25)} where id = ${dice(2000)}`,
  () => `delete from t where id = ${dice(2000)}`,
  () => `update par set x = x + 1 where id = ${dice(40)}`,
  () => `insert ignore into par values (${dice(45)}, 0, ${dice(10)})`,
  () =>
    dice(6) === 1 ? `delete from par where id = ${dice(40)}` : `update par set id = id + 40 where id = ${dice(4)}`,
  () => (dice(12) === 1 ? `delete from gp where id = ${dice(10)}` : `insert ignore into gp values (${dice(10)})`),
  () =>
    dice(3) === 1
      ? `delete from zp where id = ${dice(20)}`
      : `update ignore zp set id = ${dice(25)} where id = ${dice(20)}`,
  () => `insert ignore into zp values (${dice(20)})`,
];

/** Duplicates, rows that are referred to or refer to nothing, deadlocks: people's own. */
const theirOwn = [1062, 1213, 1205, 1451, 1452, 1761];

async function amongFamily(
  action: () => Promise<void>,
): Promise<{ done: number; errors: ReadonlyMap<string, number> }> {
  let [stopped, done] = [false, 0];
  const errors = new Map<string, number>();
  const writers = ['repeatable read', 'read committed', 'serializable'].map(async (isolation) => {
    const session = await openSession(url);
    await session.execute(`set session transaction isolation level ${isolation}`);
    while (!stopped) {
      const many = dice(2) === 1 ? 0 : dice(4);
      try {
        if (many > 0) await session.execute('begin');
        for (let i = 0; i <= many; i++) await session.execute(deeds[dice(deeds.length) - 1]!());
        if (many > 0) await session.execute(dice(4) === 1 ? 'rollback' : 'commit');
        done++;
      } catch (error) {
        const { errno, message } = error as { errno: number; message: string };
        if (!theirOwn.includes(errno)) errors.set(`${errno} ${message}`, 1);
        await session.execute(dice(2) === 1 ? 'rollback' : 'commit');
      }
      await sleep(Math.random() * 3);
    }
    session.destroy();
  });
  try {
    await action();
  } finally {
    stopped = true;
    await Promise.all(writers);
  }
  return { done, errors };
}

/** Rows that refer to what is not there. */
async function orphans(): Promise<unknown> {
  const [row] = await rows(
    url,
    `select (select count(*) from t left join par on t.p = par.id where t.p is not null and par.id is null) as par,
       (select count(*) from t left join zp on t.q = zp.id where t.q is not null and zp.id is null) as zp,
       (select count(*) from t left join t o on t.s = o.id where t.s is not null and o.id is null) as self,
       (select count(*) from ch left join t on ch.tid = t.id where t.id is null) as ch,
       (select count(*) from kept left join t on kept.tid = t.id where kept.tid is not null and t.id is null) as kept`,
  );
  return row;
}

async function throughEverything(change: PlannedChange): Promise<void> {
  const { done, errors } = await amongFamily(async () => {
    await engine.prepare(change, work());
    await engine.copy(change, work());
    for (const move of ['cutOver', 'revert', 'reapply', 'revert', 'reapply'] as const) {
      expect(await proven(engine, change)).toMatchObject({ differing: [], differingCount: 0 });
      await engine[move](change, options, work());
      await sleep(200);
    }
    expect(await proven(engine, change)).toMatchObject({ differing: [], differingCount: 0 });
    await engine.finish(change, work());
  });
  expect([...errors.keys()]).toEqual([]);
  expect(done).toBeGreaterThan(300);
  expect(await orphans()).toEqual({ par: '0', zp: '0', self: '0', ch: '0', kept: '0' });
  expect(await engine.introspect()).toEqual(change.to);
  expect(await engine.leftovers()).toEqual([]);
}

test('a table among its parents and children is changed', async () => {
  await throughEverything(
    await planned(server.url, 'child', family, [
      'alter table t modify w bigint not null default 0, drop column gone, add column own int not null default 5',
    ]),
  );
}, 120_000);

test('parents and children are changed together', async () => {
  await throughEverything(
    await planned(server.url, 'family', family, [
      'alter table t modify w bigint not null default 0, drop column gone',
      'alter table par modify x bigint',
      'alter table ch add column more varchar(5)',
      'create table grand (id int primary key, cid int, constraint fk_g foreign key (cid) references ch (id) on delete cascade)',
    ]),
  );
}, 120_000);

test('cascades that cannot be followed are refused before anything is touched', async () => {
  const change = await planned(
    server.url,
    'ring',
    [
      'create table t (id int primary key, up int, v int, constraint fk_up foreign key (up) references t (id) on delete cascade)',
    ],
    ['alter table t modify v bigint'],
  );
  await expect(engine.prepare(change, work())).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });
  await engine.cancel(change, work());
  expect(await engine.introspect()).toEqual(change.from);
}, 60_000);
