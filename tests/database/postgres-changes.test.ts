import { isRefused, lintCodes, type LintCode } from '../../domain/schema/lint-codes';
import { tableOf, type SchemaModel } from '../../domain/schema/model';
import type { PlannedChange } from '../../domain/schema/plan';
import { name } from '../../domain/schema/postgresql/quote';
import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import type { NamedChange } from './support/named-changes';
import { boundTo } from './support/postgres-catalog';
import {
  postgresDone,
  postgresGiven,
  postgresRefused,
  postgresTable,
  postgresWhole,
} from './support/postgres-named-changes';
import { planned, read, rows, run, wanted } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres();
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const options = { force: false, deadlineMs: 20_000, acceptLosses: true };
const policy = { allowForeignKeys: true };

/** A change, and what its table is called. */
interface Case {
  readonly named: NamedChange;
  readonly table: string;
}

function casesOf(list: readonly NamedChange[]): Case[] {
  return list.map((named, i) => ({ named, table: `t ${i}"'` }));
}

/** Statements about a case's own table. */
function own({ table }: Case, statements: readonly string[]): string[] {
  return statements.map((each) => each.replace(/\b(\w+_)?T\b/g, (_, before = '') => name(`${before}${table}`)));
}

function givenFor(cases: readonly Case[]): string[] {
  return [...postgresGiven, ...cases.flatMap((each) => own(each, [...postgresTable, ...(each.named.given ?? [])]))];
}

test('every name stands for one change', () => {
  const names = [...postgresDone, ...postgresWhole, ...postgresRefused].map((each) => each.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(60);
});

test.each<[how: string, list: readonly NamedChange[], shadows: boolean]>([
  ['as planned', postgresDone, false],
  ['by a shadow that might be instant', postgresDone.filter(({ outcome }) => outcome === 'instant'), true],
  ['of whole objects', postgresWhole, false],
])(
  'changes %s do what ALTER does, and are taken back with all values',
  async (_, list, shadows) => {
    const cases = casesOf(list);
    const given = givenFor(cases);
    const statements = cases.flatMap((each) => own(each, each.named.statements));
    const renames = cases.flatMap(({ named, table }) => (named.rename ? [{ ...named.rename, table }] : []));
    await run(server.url, 'live', 'drop schema if exists live, altered, untouched, gatewright cascade');
    for (const schema of ['live', 'altered', 'untouched'])
      await run(server.url, schema, `create schema ${schema}`, ...given);
    await run(
      server.url,
      'altered',
      // The server by itself fills nothing in.
      ...statements.flatMap((each) => {
        const fills = /^alter table (.*) alter e set not null$/.exec(each);
        return [...(fills ? [`update ${fills[1]!} set e = 'none' where e is null`] : []), each];
      }),
    );
    const engine = new PostgresEngine({ url: server.url, schema: 'live' });
    const difference = await wanted(server.url, 'live', statements, renames);
    const change = shadows
      ? await planned(server.url, 'live', 'many', statements, renames)
      : await engine.plan('many', difference, { instant: false }, work.signal);
    if (!shadows)
      expect(cases.map((each) => [each.named.name, wayOf(change, each)])).toEqual(
        cases.map(({ named }) => [named.name, named.outcome]),
      );
    const messages = await engine.lint(change, policy, work.signal);
    expect(isRefused(messages) ? messages : []).toEqual([]);
    const before = await catalog(change.from);

    await engine.prepare(change, work);
    await engine.copy(change, work);
    expect(await engine.prove(change, work)).toMatchObject({ differing: [] });
    await engine.cutOver(change, options, work);
    // Types and routines that only the old form needs stay as long as it may come back.
    expect(readable(await read(server.url, 'live'))).toEqual(readable(change.to));
    await same(change.to, 'live', 'altered');
    for (const [schema, model] of [
      ['live', change.to],
      ['altered', change.to],
      ['untouched', change.from],
    ] as const)
      await run(server.url, schema, ...cases.flatMap((each) => writes(each, change, model)));
    await same(change.to, 'live', 'altered');
    await engine.revert(change, options, work);
    expect(readable(await read(server.url, 'live'))).toEqual(readable(change.from));
    await same(change.from, 'live', 'untouched');
    expect(await catalog(change.from)).toEqual(before);
    await engine.reapply(change, options, work);
    expect(await engine.prove(change, work)).toMatchObject({ differing: [] });
    await same(change.to, 'live', 'altered');
    await engine.finish(change, work);
    expect(await read(server.url, 'live')).toEqual(change.to);
    expect(await engine.leftovers()).toEqual([]);
  },
  300_000,
);

test.each(postgresRefused.map((named) => [named.name, named.outcome as LintCode, named] as const))(
  '%s is refused: %s',
  async (_, code, named) => {
    const [each] = casesOf([named]) as [Case];
    await run(server.url, 'live', 'drop schema if exists live, gatewright cascade', 'create schema live');
    await run(server.url, 'live', ...givenFor([each]));
    const engine = new PostgresEngine({ url: server.url, schema: 'live' });
    const difference = await wanted(server.url, 'live', own(each, named.statements));
    const change = await engine.plan('refused', difference, { instant: false }, work.signal);
    const before = await read(server.url, 'live');
    const found = await engine.lint(change, policy, work.signal);
    const errors = found.filter((message) => lintCodes[message.code].severity === 'error');
    expect(errors.map((message) => message.code)).toContain(code);
    for (const { message } of errors) expect(message.length).toBeGreaterThan(20);
    const asked = ['VALUES_DO_NOT_FIT', 'VALUES_CHANGE', 'NULLS_PRESENT', 'DUPLICATES_PRESENT', 'CHECK_VIOLATED'];
    if ([...asked, 'FOREIGN_KEY_VIOLATED'].includes(code)) {
      expect(errors[0]!.rows!.count).toBeGreaterThan(0);
      expect(Number(errors[0]!.rows!.example.id)).toBeGreaterThan(0);
    }
    expect(await read(server.url, 'live')).toEqual(before);
    expect(await engine.leftovers()).toEqual([]);
  },
);

/** How what a case is about is made: its table, or what has a name of its own. */
function wayOf({ operations }: PlannedChange, { table }: Case): string {
  const about = (one: string): boolean => one === table || one.startsWith(`x_${table}`);
  return (
    operations.find((operation) => about(operation.name) && operation.object === 'table')?.way ??
    operations.find((operation) => about(operation.name))?.way ??
    'nothing'
  );
}

/** What people write meanwhile: rows go, change and come, and one gets another key. */
function writes({ table, named }: Case, { to }: PlannedChange, model: SchemaModel): string[] {
  const [here, fresh] = [tableOf(model, table)!, tableOf(to, table)!];
  const called = (column: string): string => (model === to || named.rename?.to !== column ? column : named.rename.from);
  const key = name(model === to && named.rename?.from === 'id' ? named.rename.to : 'id');
  // Whatever the new form has to be given.
  const needed = fresh.columns
    .filter((column) => !column.nullable && column.default === null && !column.generated && !column.identity)
    .map((column) => called(column.name))
    .filter((column) => name(column) !== key && here.columns.some((each) => each.name === column));
  const b = here.columns.some((column) => column.name === 'b' && column.generated === null) ? ['b'] : [];
  const given = [...new Set([...needed, ...b])];
  return [
    `delete from ${name(table)} where h = 13`,
    `update ${name(table)} set h = h + 1000 where h between 20 and 28`,
    `update ${name(table)} set ${key} = 7000 where h = 30`,
    `insert into ${name(table)} (${[key, 'h', ...given.map(name)].join(', ')}) values (9000, 9000${", '0'".repeat(given.length)})`,
  ];
}

function readable({ tables, views }: SchemaModel): Pick<SchemaModel, 'tables' | 'views'> {
  return { tables, views };
}

/** Compares the rows of everything that can be read, but for values that are others whenever they are made. */
async function same(model: SchemaModel, one: string, other: string): Promise<void> {
  const [here, there] = [await contents(one, model), await contents(other, model)];
  const differing = [...here.keys()].find((relation) => String(here.get(relation)) !== String(there.get(relation)));
  if (differing !== undefined) expect([differing, here.get(differing)]).toEqual([differing, there.get(differing)]);
}

async function contents(schema: string, { tables, views }: SchemaModel): Promise<Map<string, string[]>> {
  const relations = [...tables, ...views.filter(({ materialized }) => !materialized)].map((each) => each.name);
  const selects = relations.map(
    (relation, i) =>
      `(select ${i} as n, coalesce(json_agg((to_jsonb(t) - 'x')::text order by (to_jsonb(t) - 'x')::text), '[]') as lines ` +
      `from ${name(relation)} t)`,
  );
  const found = await rows(server.url, schema, selects.join(' union all '));
  return new Map(found.map(({ n, lines }) => [relations[Number(n)]!, lines as string[]]));
}

/** Everything that is bound to every table. */
async function catalog({ tables }: SchemaModel): Promise<unknown> {
  const found: Record<string, readonly string[]> = {};
  for (const { name: table } of tables)
    found[table] = await boundTo(server.url, 'live', name(table).replaceAll("'", "''"));
  return found;
}
