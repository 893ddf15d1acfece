import { isRefused, lintCodes } from '../../domain/schema/lint-codes';
import { tableOf } from '../../domain/schema/model';
import { name } from '../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import type { TestMySql } from './support/servers';
import { mysqlDone, mysqlTable } from './support/mysql-named-changes';
import { mysqlRefused } from './support/mysql-refused-changes';
import { planned, proven, run, using, work } from './support/mysql-plan';
import type { NamedChange } from './support/named-changes';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let engine: MySqlEngine;

beforeAll(async () => {
  server = await privateMariaDb();
  engine = new MySqlEngine({ url: `${server.url}app` });
  await run(server.url, 'create database elsewhere', 'create table elsewhere.p (id int primary key)');
}, 60_000);

afterAll(async () => await server.stop());

const options = { force: false, deadlineMs: 20_000, acceptLosses: true };

/** One of a batch: a change, and what its table is called. */
interface Case {
  readonly named: NamedChange;
  readonly table: string;
}

/** What stands for a table's name, alone or in another name. */
function own(statement: string, table: string): string {
  return statement.replace(/(?<![A-Za-z0-9])T\b/g, table);
}

/** Tables that change together in one test. */
const TOGETHER = 10;

const batches = Array.from({ length: Math.ceil(mysqlDone.length / TOGETHER) }, (_, i) => {
  const batch = mysqlDone.slice(i * TOGETHER, (i + 1) * TOGETHER);
  return { first: batch[0]!.name, batch: batch.map((named, n): Case => ({ named, table: `t_${n}` })) };
});

test('every name stands for one change', () => {
  const all = [...mysqlDone, ...mysqlRefused].map((named) => named.name);
  expect(new Set(all).size).toBe(all.length);
});

test.each(batches)(
  'changes from »$first« on do what ALTER does, and are taken back with all values',
  async ({ batch }) => {
    const given = batch.flatMap(({ named, table }) =>
      [mysqlTable[0]!, ...(named.given ?? []), mysqlTable[1]!].map((each) => own(each, table)),
    );
    const statements = batch.flatMap(({ named, table }) => named.statements.map((each) => own(each, table)));
    const renames = batch.flatMap(({ named, table }) => (named.rename ? [{ ...named.rename, table }] : []));
    const { from, to } = await planned(server.url, 'named', given, statements, renames);
    for (const twin of ['altered', 'untouched']) {
      await run(server.url, `drop database if exists ${twin}`, `create database ${twin}`);
      await run(`${server.url}${twin}`, ...given);
    }
    await using(`${server.url}altered`, async (session) => {
      for (const statement of statements) {
        // The server by itself fills nothing in.
        if (/default 'none'/.test(statement))
          await session.execute(`update ${/alter table (\S+)/.exec(statement)![1]!} set e = 'none' where e is null`);
        await session.execute(statement);
      }
    });

    const change = await engine.plan('named', { from, to, renames }, { instant: false }, work().signal);
    expect(ways(change)).toEqual(batch.map(({ named }) => [named.name, named.outcome]));
    const messages = await engine.lint(change, { allowForeignKeys: true }, work().signal);
    expect(isRefused(messages) ? messages : []).toEqual([]);

    await engine.prepare(change, work());
    await engine.copy(change, work());
    expect(await proven(engine, change)).toMatchObject({ differing: [] });
    await engine.cutOver(change, options, work());
    expect((await engine.introspect()).tables).toEqual(to.tables);
    await same('app', 'altered');
    expect(await proven(engine, change)).toMatchObject({ differing: [] });

    for (const { named, table } of batch)
      for (const database of ['app', 'untouched', 'altered']) {
        const renamed = named.rename?.from === 'id' && database !== 'untouched';
        const filled = ['a', 'e'].filter((each) => tableOf(to, table)!.columns.some((column) => column.name === each));
        await run(`${server.url}${database}`, ...writes(name(table), name(renamed ? named.rename!.to : 'id'), filled));
      }
    expect(await proven(engine, change)).toMatchObject({ differing: [] });
    await same('app', 'altered');
    await engine.revert(change, options, work());
    expect((await engine.introspect()).tables).toEqual(from.tables);
    await same('app', 'untouched');
    await engine.reapply(change, options, work());
    await same('app', 'altered');
    await engine.finish(change, work());
    expect(await engine.introspect()).toEqual(to);
    expect(await engine.leftovers()).toEqual([]);

    function ways({ operations }: PlannedChange): [string, string][] {
      return batch.map(({ named, table }) => [
        named.name,
        operations.find((operation) => operation.name === table || operation.name.endsWith(`_${table}`))?.way ??
          'nothing',
      ]);
    }

    async function same(one: string, other: string): Promise<void> {
      for (const { named, table } of batch) {
        const [left, right] = [await contents(one, table), await contents(other, table)];
        expect(left.length).toBeGreaterThan(100);
        const alone = [left.filter((row) => !right.includes(row)), right.filter((row) => !left.includes(row))];
        expect([named.name, ...alone]).toEqual([named.name, [], []]);
      }
    }
  },
  120_000,
);

test.each(mysqlRefused)('$name is refused: $outcome', async ({ given = [], statements, outcome }) => {
  const before = [mysqlTable[0]!, ...given, mysqlTable[1]!].map((each) => own(each, 't'));
  const versioned = ['set system_versioning_alter_history = keep', ...statements.map((each) => own(each, 't'))];
  const { from, to } = await planned(server.url, 'refused', before, versioned);
  const change = await engine.plan('refused', { from, to, renames: [] }, { instant: true }, work().signal);
  const messages = await engine.lint(change, { allowForeignKeys: true }, work().signal);
  const errors = messages.filter((message) => isRefused([message]));
  expect(errors.map(({ code }) => code)).toContain(outcome);
  for (const { code, message } of errors) {
    expect(message).toMatch(/\bt\b|fk|view|trigger/);
    expect(lintCodes[code].remedy).toMatch(/\.$/);
  }
  expect(await engine.introspect()).toEqual(from);
  expect(await engine.leftovers()).toEqual([]);
});

/** What people write while the new form is live: rows go, change and come, and one gets another key. */
function writes(table: string, key: string, filled: readonly string[]): string[] {
  const [columns, values] = [filled.map((each) => `, ${each}`).join(''), filled.map(() => ", 'fresh'").join('')];
  return [
    "set sql_mode = ''",
    `delete from ${table} where w = 13`,
    `update ${table} set w = w + 1000, la = 'new' where w between 20 and 28`,
    `update ${table} set ${key} = 7000, m = 'moved' where w = 30`,
    `insert into ${table} (${key}, w, b, la, d${columns}) values (9000, 9000, 5, 'f', '2020-02-02'${values})`,
  ];
}

/** Rows as text, but for values that are other ones whenever they are made. */
async function contents(database: string, table: string): Promise<string[]> {
  const found = await using(`${server.url}${database}`, async (session) => {
    const columns = await session.query(
      `SELECT column_name AS c FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_name <> 'x' ORDER BY ordinal_position`,
      [database, table],
    );
    return await session.query(`SELECT ${columns.map(({ c }) => name(String(c))).join(', ')} FROM ${name(table)}`);
  });
  return found.map((row) => JSON.stringify(row)).toSorted();
}
