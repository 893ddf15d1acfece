import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { openSession } from '../../drivers/database/mysql/session';
import { neededHere } from '../../drivers/database/mysql/lint-server';
import type { TestMySql } from './support/servers';
import type { PlannedChange } from '../../domain/schema/plan';
import { planned, proven, rows, run, work } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let url: string;
let engine: MySqlEngine;
let change: PlannedChange;

const options = { force: false, deadlineMs: 10_000, acceptLosses: true };
const policy = { allowForeignKeys: true };

/** All that docs/schema-changes.md lists for changes like this one. */
const rights = [
  `grant ${neededHere.join(', ')}, create view, show view, create routine, alter routine, execute on app.* to engine@'127.0.0.1'`,
  "grant process, set user on *.* to engine@'127.0.0.1'",
];

beforeAll(async () => {
  server = await privateMariaDb();
  url = `${server.url.replace(/root:[^@]*/, 'engine:e')}app`;
  engine = new MySqlEngine({ url });
  await run(server.url, "create user app@'127.0.0.1' identified by 'a', engine@'127.0.0.1' identified by 'e'");
  const { from, to } = await planned(
    server.url,
    'account',
    [
      'create table p (id int primary key, v int)',
      `create table t (id int auto_increment primary key, p int, v varchar(20), gone int default 3,
         constraint fk_p foreign key (p) references p (id) on delete cascade)`,
      'create table c (id int primary key, t int, constraint fk_t foreign key (t) references t (id))',
      'create table plain (id int primary key, v int)',
      'create table dropped (id int primary key)',
      'insert into p select seq, seq from seq_1_to_50',
      "insert into t (p, v) select 1 + seq % 50, concat('v', seq) from seq_1_to_500",
      "create definer = app@'127.0.0.1' trigger x before insert on t for each row set new.v = upper(new.v)",
      'create view seen as select id, v from t',
    ],
    [
      'alter table t modify v varchar(60), drop gone, add fresh int not null default 1',
      'alter table plain alter v set default 4',
      'drop table dropped',
      'create table made (id int primary key, t int, constraint fk_m foreign key (t) references t (id))',
      'create or replace view seen as select id from t',
      'create function twice(i int) returns int deterministic return i * 2',
    ],
  );
  await run(server.url, "grant all on app.* to app@'127.0.0.1'", ...rights);
  change = await engine.plan('account', { from, to, renames: [] }, { instant: false }, work().signal);
}, 60_000);

afterAll(async () => await server.stop());

test('an account with nothing but the rights that are listed lives through everything', async () => {
  expect((await engine.lint(change, policy, work().signal)).map(({ code }) => code).toSorted()).toEqual([
    ...['DROPS_DATA', 'DROPS_DATA', 'MAYBE_RENAME'],
  ]);
  for (const verb of ['prepare', 'copy'] as const) await engine[verb](change, work());
  expect(await engine.leftovers()).not.toEqual([]);
  await engine.cancel(change, work());
  expect(await engine.leftovers()).toEqual([]);
  for (const verb of ['prepare', 'copy'] as const) await engine[verb](change, work());
  expect(await proven(engine, change)).toMatchObject({ differing: [], rowsCompared: 500 });
  expect(await engine.state('account')).toMatchObject({ phase: 'copied' });
  const writer = await openSession(url.replace('engine:e', 'app:a'));
  await writer.execute('begin');
  await writer.execute("update t set v = 'held' where id = 1");
  await expect(engine.cutOver(change, { ...options, deadlineMs: 1_500 }, work())).rejects.toMatchObject({
    code: 'CHANGE_BLOCKED',
    data: { blockers: [expect.objectContaining({ session: String(writer.id), user: 'app' })] },
  });
  expect(await engine.blockers(change)).toMatchObject([{ session: String(writer.id), user: 'app' }]);
  // Others' sessions are not this account's to end.
  await expect(engine.cutOver(change, { ...options, force: true, deadlineMs: 100 }, work())).rejects.toMatchObject({
    code: 'CHANGE_BLOCKED',
  });
  await run(server.url, "grant connection admin on *.* to engine@'127.0.0.1'");
  await engine.cutOver(change, { ...options, force: true, deadlineMs: 100 }, work());
  await expect(writer.query('select 1')).rejects.toMatchObject({ fatal: true });
  await run(server.url, "revoke connection admin on *.* from engine@'127.0.0.1'");
  for (const swap of ['revert', 'reapply'] as const) await engine[swap](change, options, work());
  await engine.losses(change, work());
  await engine.finish(change, work());
  expect(await new MySqlEngine({ url: `${server.url}app` }).introspect()).toEqual(change.to);
  expect(
    await rows(
      `${server.url}app`,
      "select definer from information_schema.triggers where trigger_schema = 'app' and trigger_name = 'x'",
    ),
  ).toEqual([{ definer: 'app@127.0.0.1' }]);
  await run(`${server.url}app`, 'drop table made', 'drop function twice');
}, 120_000);

test.each([
  ...neededHere.map((right) => [right, 'app.*'] as const),
  ...(['CREATE VIEW', 'SHOW VIEW', 'CREATE ROUTINE', 'ALTER ROUTINE', 'EXECUTE'] as const).map(
    (right) => [right, 'app.*'] as const,
  ),
  ...(['PROCESS', 'SET USER'] as const).map((right) => [right, '*.*'] as const),
])('who lacks %s on %s is told, before anything is touched', async (right, on) => {
  await run(server.url, `revoke ${right} on ${on} from engine@'127.0.0.1'`);
  try {
    const messages = await engine.lint(change, policy, work().signal);
    const subject = right === 'SET USER' ? 'x' : right;
    expect(messages).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'RIGHTS_MISSING', subject })]));
    await expect(engine.prepare(change, work())).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });
  } finally {
    await run(server.url, ...rights);
  }
  expect(await engine.leftovers()).toEqual([]);
});
