import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { introspect } from '../../drivers/database/mysql/introspect';
import { openSession, type Session } from '../../drivers/database/mysql/session';
import type { TestMySql } from './support/servers';
import { followed, planned as plannedOn } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let session: Session;

beforeAll(async () => {
  server = await privateMariaDb();
}, 60_000);

afterAll(async () => {
  session.destroy();
  await server.stop();
});

const swapOptions = { force: false, deadlineMs: 20_000 };

async function planned(id: string, before: readonly string[], after: readonly string[]): Promise<PlannedChange> {
  const change = await plannedOn(server.url, id, before, after);
  session?.destroy();
  session = await openSession(`${server.url}app`);
  return change;
}

test('a change is made under writers, reverted, applied again and finished', async () => {
  const change = await planned(
    'c1',
    [
      "create table t (id int auto_increment primary key, u int unique, v varchar(40), gone varchar(10) default 'keep', n int not null default 0)",
      "insert into t (v, n, gone) select 'init', seq, concat('k', seq) from seq_1_to_5000",
    ],
    [
      "alter table t drop column gone, add column fresh int not null default 7, modify n bigint not null default 0, modify v varchar(80) not null default ''",
    ],
  );
  const engine = new MySqlEngine({ url: `${server.url}app` });
  const work = { signal: new AbortController().signal };
  const before = await introspect(session);
  const stop = { yes: false };
  const ledgers = [1, 2, 3].map((writer) => ledger(writer, stop));
  await sleep(50);
  await engine.prepare(change, work);
  await engine.copy(change, work);
  await followed(engine, change, async () => {
    expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  });
  const swapped = await engine.cutOver(change, swapOptions, work);
  expect(swapped.attempts).toBeGreaterThan(0);
  expect((await engine.introspect()).tables.find(({ name }) => name === 't')!.columns).toEqual(
    change.to.tables[0]!.columns,
  );
  await followed(engine, change, async () => {
    expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  });
  await engine.revert(change, swapOptions, work);
  await followed(engine, change, async () => {
    expect(await engine.prove(change, work)).toMatchObject({ differingCount: 0 });
  });
  await engine.reapply(change, swapOptions, work);
  await engine.revert(change, swapOptions, work);
  stop.yes = true;
  const written = await Promise.all(ledgers);
  let checked = 0;
  for (const rows of written)
    for (const [id, value] of rows) {
      const [row] = await session.query('select v from t where id = ?', [id]);
      expect([id, row?.v ?? null]).toEqual([id, value]);
      checked++;
    }
  expect(checked).toBeGreaterThan(100);
  const [kept] = await session.query("select count(*) as n from t where v = 'init' and gone <> concat('k', n)");
  expect(Number(kept!.n)).toBe(0);
  await engine.finish(change, work);
  expect(await engine.leftovers()).toEqual([]);
  expect((await engine.introspect()).tables).toEqual(before.tables);
}, 120_000);

/** Writes rows that nobody else writes, and remembers what they have to be. */
async function ledger(writer: number, stop: { yes: boolean }): Promise<Map<number, string | null>> {
  const own = await openSession(`${server.url}app`);
  const rows = new Map<number, string | null>();
  for (let i = 0; !stop.yes; i++) {
    await sleep(Math.random() * 4);
    const value = `w${writer}-${i}`;
    const ids = [...rows].filter(([, known]) => known !== null).map(([id]) => id);
    const id = ids[Math.floor(Math.random() * ids.length)];
    const dice = Math.random();
    try {
      if (id === undefined || dice < 0.4) {
        await own.execute('insert into t (v) values (?)', [value]);
        const [row] = await own.query('select last_insert_id() as id');
        rows.set(Number(row!.id), value);
      } else if (dice < 0.8) {
        await own.execute('update t set v = ? where id = ?', [value, id]);
        rows.set(id, value);
      } else if (dice < 0.9) {
        await own.execute('delete from t where id = ?', [id]);
        rows.set(id, null);
      } else {
        const moved = -(1_000_000 * writer + i);
        await own.execute('update t set id = ? where id = ?', [moved, id]);
        rows.set(moved, rows.get(id)!);
        rows.set(id, null);
      }
    } catch (error) {
      throw new Error(`writer ${writer}: ${(error as Error).message}`, { cause: error });
    }
  }
  own.destroy();
  return rows;
}
