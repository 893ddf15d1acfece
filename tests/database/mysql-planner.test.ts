import type { Rename, SchemaChange } from '../../domain/schema/change';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import type { TestMySql } from './support/servers';
import { planned, rows, run, work } from './support/mysql-plan';
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

const options = { force: false, deadlineMs: 10_000, acceptLosses: true };

const t = "create table t (id int primary key, a varchar(10) not null default 'x', b int, e enum('p', 'q'), key (b))";

async function changed(
  before: readonly string[],
  after: readonly string[],
  renames: readonly Rename[] = [],
): Promise<SchemaChange> {
  const { from, to } = await planned(server.url, 'planned', before, after, renames);
  return { from, to, renames };
}

const renamed = [{ table: 't', from: 'b', to: 'c' }];

test.each<[way: string, instant: boolean, statement: string, renames?: readonly Rename[]]>([
  ['instant', false, 'alter table t alter b set default 7'],
  ['instant', false, 'alter table t change b c int', renamed],
  ['instant', false, "alter table t comment = 'of things'"],
  ['instant', true, 'alter table t add d int not null default 4'],
  ['instant', true, 'alter table t drop e'],
  ['shadow', false, 'alter table t add d int not null default 4'],
  // It can be taken back only by copying the table.
  ['shadow', true, 'alter table t modify a varchar(40)'],
  ['shadow', true, 'alter table t modify b bigint'],
  ['shadow', true, 'alter table t add key (a)'],
  ['shadow', true, 'alter table t add constraint c check (b > 0)'],
  ['shadow', true, 'alter table t convert to character set latin1'],
  ['shadow', true, 'alter table t engine = InnoDB row_format = compressed'],
])('%s (wished: %s): %s', async (way, wished, statement, renames = []) => {
  const change = await changed([t], [statement], renames);
  const { operations } = await engine.plan('planned', change, { instant: wished }, work().signal);
  expect(operations.map((operation) => operation.way)).toEqual([way]);
  expect(await engine.leftovers()).toEqual([]);
  expect(await engine.introspect()).toEqual(change.from);
});

test('an empty copy that somebody left is named, in nobody’s way, and removed by the next plan', async () => {
  const change = await changed([t], ['alter table t alter b set default 7']);
  await run(url, "create table t_gw_p (id int) comment = 'gatewright change gone'");
  expect(await engine.leftovers()).toEqual([{ kind: 'table', name: 't_gw_p', changeId: 'gone', holdsRows: false }]);
  expect(await engine.introspect()).toEqual(change.from);
  const plans = [1, 2, 3].map(async () => await engine.plan('planned', change, { instant: false }, work().signal));
  for (const { operations } of await Promise.all(plans)) expect(operations).toMatchObject([{ way: 'instant' }]);
  expect(await engine.leftovers()).toEqual([]);
});

test.each(['settle.silent', 'settle.altered', 'settle.done', 'never'])(
  'a change of the catalog alone, with a view, is made and taken back, whoever ends at %s',
  async (stage) => {
    const change = await changed(
      [
        t,
        "insert into t values (1, 'y', 5, 'p')",
        'create view v as select b from t',
        'create view w as select id from t',
      ],
      ['alter table t change b c int default 3', 'create or replace view v as select c from t', 'drop view w'],
      renamed,
    );
    const plan = await engine.plan('catalog', change, { instant: false }, work().signal);
    expect(plan.operations.map((operation) => operation.way)).toEqual(['instant', 'immediate', 'immediate']);
    const stopping = new MySqlEngine({
      url,
      onPoint: (point) => {
        if (point === stage) throw new Error(`stopped at ${stage}`);
      },
    });
    await engine.prepare(plan, work());
    await engine.copy(plan, work());
    for (const [move, wanted] of [
      ['cutOver', change.to],
      ['revert', change.from],
      ['reapply', change.to],
    ] as const) {
      const done = stopping[move](plan, options, work());
      if (stage === 'never') await done;
      else await expect(done).rejects.toThrow(`stopped at ${stage}`);
      await engine[move](plan, options, work());
      expect(await engine.introspect()).toEqual(wanted);
    }
    await engine.finish(plan, work());
    expect(await engine.introspect()).toEqual(change.to);
    expect(await engine.leftovers()).toEqual([]);
    expect(await rows(url, 'select * from v')).toEqual([{ c: 5 }]);
  },
);

test('what the catalog alone loses is told before it is taken back', async () => {
  const change = await changed(
    [t, "insert into t values (1, 'y', 5, 'p'), (2, 'z', 6, 'q')"],
    ['alter table t drop e, add d int default 4'],
  );
  const plan = await engine.plan('losing', change, { instant: true }, work().signal);
  expect(plan.operations).toMatchObject([{ way: 'instant' }]);
  await engine.prepare(plan, work());
  await engine.copy(plan, work());
  await engine.cutOver(plan, options, work());
  await run(url, 'update t set d = 9 where id = 2');
  const losses = await engine.losses(plan, work());
  expect(losses).toMatchObject([
    { table: 't', column: 'd', rows: 1 },
    { table: 't', column: 'e', rows: 2 },
  ]);
  await expect(engine.revert(plan, { ...options, acceptLosses: false }, work())).rejects.toMatchObject({
    code: 'REVERT_LOSES',
  });
  await engine.revert(plan, options, work());
  await engine.finish(plan, work());
  expect(await engine.introspect()).toEqual(change.from);
});

test('a table that was altered meanwhile is not altered again', async () => {
  const change = await changed([t], ['alter table t alter b set default 7']);
  const plan = await engine.plan('drifted', change, { instant: false }, work().signal);
  await engine.prepare(plan, work());
  await engine.copy(plan, work());
  await run(url, 'alter table t add z int');
  await expect(engine.cutOver(plan, options, work())).rejects.toMatchObject({ code: 'CHANGE_DRIFTED' });
  await engine.cancel(plan, work());
  expect((await engine.introspect()).tables[0]!.columns.map(({ name }) => name)).toEqual(['id', 'a', 'b', 'e', 'z']);
  expect(await engine.leftovers()).toEqual([]);
});
