import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import type { TestMySql } from './support/servers';
import { callEngine } from './support/engine-call';
import { planned, rows, run, work } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let url: string;
let engine: MySqlEngine;
let directory: string;
let change: PlannedChange;

const options = { force: false, deadlineMs: 20_000, acceptLosses: true };

/** A bit of everything: altered among parents and children, with triggers and grants, made, dropped, and in the catalog. */
const given = [
  'create table p (id int primary key, v int)',
  `create table t (id int auto_increment primary key, p int, v varchar(20), gone int default 3,
     constraint fk_p foreign key (p) references p (id) on delete cascade on update cascade)`,
  'create table c (id int primary key, t int, constraint fk_t foreign key (t) references t (id))',
  'create table gone (id int primary key)',
  'create table plain (id int primary key, v int)',
  'insert into p select seq, seq from seq_1_to_50',
  "insert into t (p, v) select 1 + seq % 50, concat('v', seq) from seq_1_to_500",
  'insert into c select seq, seq from seq_1_to_100',
  'create trigger x before insert on t for each row set new.v = upper(new.v)',
  "create definer = someone@'%' trigger y after delete on t for each row set @a = 1",
  'create view seen as select id, v from t',
];
const statements = [
  'alter table t modify v varchar(60), drop gone, add fresh int not null default 1',
  'alter table p modify v bigint',
  'alter table plain alter v set default 4',
  'drop table gone',
  'create table made (id int primary key)',
  'create or replace view seen as select id from t',
];

beforeAll(async () => {
  server = await privateMariaDb();
  url = `${server.url}app`;
  engine = new MySqlEngine({ url });
  directory = mkdtempSync(join(tmpdir(), 'gatewright-cancel-'));
  await run(server.url, "create user someone@'%', reader@'%'", "grant trigger on app.* to someone@'%'");
  const { from, to } = await planned(server.url, 'cancelled', given, statements);
  await run(url, "grant select on app.t to reader@'%'", "grant update (v) on app.t to reader@'%'");
  change = await engine.plan('cancelled', { from, to, renames: [] }, { instant: false }, work().signal);
  expect(
    change.operations
      .map(({ way }) => way)
      .toSorted()
      .join(' '),
  ).toBe('immediate immediate immediate instant shadow shadow');
  writeFileSync(join(directory, 'change.json'), JSON.stringify(change));
}, 60_000);

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Everything that the catalog tells of the schema, but how many rows a table may have and when it was altered last. */
async function catalog(): Promise<Record<string, unknown>> {
  const tables = await rows(
    url,
    `select table_name, table_type, engine, row_format, table_collation, create_options, table_comment, auto_increment
     from information_schema.tables where table_schema = 'app' order by 1`,
  );
  const made = [];
  for (const { table_name: table } of tables) made.push(...(await rows(url, `show create table \`${String(table)}\``)));
  const of = async (source: string, where: string): Promise<string[]> =>
    (await rows(url, `select * from ${source} where ${where}`)).map((row) => JSON.stringify(row)).toSorted();
  return {
    ...{ tables, made },
    triggers: await of('information_schema.triggers', "trigger_schema = 'app'"),
    views: await of('information_schema.views', "table_schema = 'app'"),
    columns: await of('information_schema.columns', "table_schema = 'app'"),
    constraints: await of('information_schema.table_constraints', "table_schema = 'app'"),
    indexes: await rows(
      url,
      "select table_name, index_name, seq_in_index, column_name, index_type from information_schema.statistics where table_schema = 'app' order by 1, 2, 3",
    ),
    privileges: [await of('mysql.tables_priv', "db = 'app'"), await of('mysql.columns_priv', "db = 'app'")],
  };
}

/** The same without the times at which triggers were made. */
function timeless({ triggers, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { ...rest, triggers: (triggers as string[]).map((row) => row.replace(/"CREATED":"[^"]*"/, '')).toSorted() };
}

/** Runs one call in a process of its own, which ends itself by SIGKILL at a point. */
async function killed(verb: string, point: string): Promise<void> {
  const { signal, errors } = await callEngine({
    ...{ kind: 'mysql', engine: { url }, verb, change: join(directory, 'change.json') },
    kill: { point, nth: 1 },
  });
  if (signal !== 'SIGKILL') throw new Error(`${verb} never came to ${point}: ${errors}`);
}

/** Every point that the calls of a life up to the swap pass, as one that was made tells. */
async function pointsOf(verbs: readonly ('prepare' | 'copy' | 'prove' | 'cutOver')[]): Promise<Map<string, string>> {
  const points = new Map<string, string>();
  for (const verb of verbs) {
    const listening = new MySqlEngine({ url, onPoint: (name) => void (points.has(name) || points.set(name, verb)) });
    if (verb === 'cutOver') await listening.cutOver(change, options, work());
    else await listening[verb](change, work());
  }
  return points;
}

test('cancelling leaves the catalog as it was, to the byte, wherever whoever was at it was killed', async () => {
  const before = await catalog();
  const points = await pointsOf(['prepare', 'copy', 'prove', 'cutOver']);
  await engine.revert(change, options, work());
  await engine.finish(change, work());
  expect(await engine.introspect()).toEqual(change.from);
  // After a swap users' triggers are made again.
  expect(timeless(await catalog())).toEqual(timeless(before));
  expect(points.size).toBeGreaterThan(20);
  const order = ['prepare', 'copy', 'prove', 'cutOver'];
  for (const [point, verb] of points) {
    const last = await catalog();
    for (const done of order.slice(0, order.indexOf(verb)))
      if (done !== 'prove') await engine[done as 'prepare' | 'copy'](change, work());
    await killed(verb, point);
    if (/^settle|^swap.renamed$/.test(point)) {
      await expect(engine.cancel(change, work())).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
      await engine.revert(change, options, work());
      await engine.finish(change, work());
      expect([point, timeless(await catalog())]).toEqual([point, timeless(last)]);
    } else {
      expect(await catalog()).not.toEqual(last);
      await engine.cancel(change, work());
      await engine.cancel(change, work());
      expect([point, await catalog()]).toEqual([point, last]);
    }
    expect(await engine.leftovers()).toEqual([]);
  }
}, 400_000);
