import type { Work } from '../../drivers/database/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { Postgres } from '../../environment/postgres';
import { planned, read, rows, run } from './support/postgres-plan';
import { privatePostgres } from './support/servers';

let server: Postgres;
beforeAll(async () => {
  server = await privatePostgres();
}, 60_000);
afterAll(async () => await server.stop());

const work: Work = { signal: new AbortController().signal };
const patient = { force: false, deadlineMs: 10_000 };
const schema = 'shop';

/** A schema with these things in it, an engine on it, and how to work with both. */
async function given(...statements: readonly string[]) {
  const quoted = `"${schema}"`;
  await run(server.url, schema, `DROP SCHEMA IF EXISTS ${quoted} CASCADE`, `CREATE SCHEMA ${quoted}`, ...statements);
  return {
    engine: new PostgresEngine({ url: server.url, schema }),
    sql: async (...more: readonly string[]) => await run(server.url, schema, ...more),
    all: async (query: string) => await rows(server.url, schema, query),
    model: async () => await read(server.url, schema),
    plan: async (...change: readonly string[]) => await planned(server.url, schema, 'change-1', change),
  };
}

/** Lets follow run beside something. */
async function following(
  engine: PostgresEngine,
  change: Parameters<PostgresEngine['follow']>[0],
  action: () => Promise<void>,
) {
  const stop = new AbortController();
  const followed = engine.follow(change, { signal: stop.signal });
  try {
    await action();
    await until(async () => (await engine.state(change.id))!.tables.every(({ logLength }) => logLength === 0));
  } finally {
    stop.abort();
    await followed;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition());)
    if (Date.now() > end) throw new Error('it did not come true in 10 s');
}

test('a table goes there, back and there again, and every write is on both sides', async () => {
  const { engine, sql, all, model, plan } = await given(
    'create table t (id int primary key, a text, gone text default $$g$$)',
    "insert into t select i, 'a' || i, 'kept' || i from generate_series(1, 3000) i",
  );
  const before = await model();
  const change = await plan('alter table t drop gone, add fresh int not null default 7, alter a type varchar(30)');
  await engine.prepare(change, work);
  await sql("update t set a = 'early' where id = 1", 'delete from t where id = 2', "insert into t values (5000, 'x')");
  await engine.copy(change, work);
  expect((await engine.state(change.id))!.phase).toBe('copied');
  await following(engine, change, async () => {
    await sql("update t set a = 'late' where id = 3", 'update t set id = 6000 where id = 4');
  });
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0, rowsCompared: 3000 });
  await engine.cutOver(change, patient, work);
  expect(await model()).toEqual(change.to);
  await following(engine, change, async () => {
    await sql(
      "update t set a = 'new', fresh = 8 where id = 5",
      'update t set id = 7000 where id = 6',
      "insert into t (id, a) values (8000, 'new')",
      'delete from t where id = 7',
    );
  });
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  expect(await engine.losses(change, work)).toMatchObject([{ column: 'fresh', rows: 1, example: { id: '5' } }]);
  await expect(engine.revert(change, patient, work)).rejects.toMatchObject({ code: 'REVERT_LOSES' });
  await engine.revert(change, { ...patient, acceptLosses: true }, work);
  expect(await model()).toEqual(before);
  expect(await all('select * from t where id in (1, 2, 3, 4, 5, 6, 7, 5000, 6000, 7000, 8000) order by id')).toEqual([
    { id: 1, a: 'early', gone: 'kept1' },
    { id: 3, a: 'late', gone: 'kept3' },
    { id: 5, a: 'new', gone: 'kept5' },
    { id: 5000, a: 'x', gone: 'g' },
    { id: 6000, a: 'a4', gone: 'kept4' },
    { id: 7000, a: 'a6', gone: 'kept6' },
    { id: 8000, a: 'new', gone: 'g' },
  ]);
  await sql("update t set a = 'reverted' where id = 8");
  expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  await engine.reapply(change, patient, work);
  expect(await all('select * from t where id in (5, 8) order by id')).toEqual([
    { id: 5, a: 'new', fresh: 8 },
    { id: 8, a: 'reverted', fresh: 7 },
  ]);
  await engine.finish(change, work);
  expect(await model()).toEqual(change.to);
  expect(await engine.leftovers()).toEqual([]);
});

test('what is cancelled leaves nothing', async () => {
  const { engine, model, plan } = await given(
    'create table t (id int primary key, a text)',
    "insert into t select i, 'a' from generate_series(1, 100) i",
  );
  const before = await model();
  const change = await plan('alter table t add b int');
  await engine.prepare(change, work);
  await engine.copy(change, work);
  expect((await engine.leftovers()).length).toBeGreaterThan(5);
  await engine.cancel(change, work);
  await engine.cancel(change, work);
  expect(await engine.leftovers()).toEqual([]);
  expect(await model()).toEqual(before);
});
