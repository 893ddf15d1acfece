import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proof } from '../../drivers/database/engine';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { startMariaDb, type MariaDb } from '../../environment/mariadb';
import { freePort } from '../../environment/ports';
import { callEngine, type Kill } from './support/engine-call';
import { planned, rows, run } from './support/mysql-plan';
import { audit, tortured, Writer } from './support/mysql-writers';

/** How long it goes on: once through everything for every `npm test`, more often where somebody asks for it. */
const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 1);
const ROWS = Number(process.env.TORTURE_ROWS ?? 6_000);

let directory: string;
let port: number;
let server: MariaDb;
let url: string;
let [kills, crashes] = [0, 0];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-torture-'));
  port = await freePort('127.0.0.1');
  server = await start();
  url = `${server.url}app`;
  const change = await planned(server.url, 'torture', tortured(ROWS), [
    "alter table src drop gone, modify c bigint, modify v varchar(60), add column added varchar(9) not null default 'A'",
    'alter table twin modify n bigint not null default 0',
  ]);
  writeFileSync(join(directory, 'change.json'), JSON.stringify(change));
}, 60_000);

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<MariaDb> {
  const quick = { 'innodb-flush-log-at-trx-commit': '2', 'sync-binlog': '0', 'innodb-buffer-pool-size': '256M' };
  return await startMariaDb({ directory, port, options: quick });
}

/** Runs one call in a process of its own. @returns its result; null when it was killed, as it was told to be. */
async function engine(verb: string, kill?: Kill, forMs?: number): Promise<unknown> {
  const { code, signal, output, errors } = await callEngine({
    ...{ kind: 'mysql', engine: { url }, verb, change: join(directory, 'change.json') },
    ...(forMs === undefined ? {} : { forMs }),
    ...(kill
      ? { kill: { point: kill.point, nth: kill.nth, ...(kill.server ? { server: server.component.pid } : {}) } }
      : {}),
  });
  if (kill?.server && !(kill.done && code === 0)) {
    await Promise.race([server.component.ended, sleep(5_000)]);
    if (server.component.running) throw new Error(`${verb} never came to ${kill.point}: ${errors}`);
    crashes++;
    server = await start();
    return null;
  }
  if (kill && !(kill.done && code === 0)) {
    if (signal !== 'SIGKILL') throw new Error(`${verb} ended with ${code} before ${kill.point}: ${errors}`);
    kills++;
    return null;
  }
  if (code !== 0) throw new Error(`${verb} ended with ${code}: ${errors}`);
  return JSON.parse(output);
}

test('no write is lost, whatever is killed whenever', async () => {
  const writers = [0, 1, 2].map((n) => new Writer(url, n));
  const writing = Promise.all(writers.map(async (writer) => await writer.run()));
  const proven = async (): Promise<void> => {
    await engine('follow', { point: 'follow.batched', nth: 3 });
    await engine('follow', undefined, 500);
    expect((await engine('prove')) as Proof).toMatchObject({ differing: [], differingCount: 0 });
  };
  try {
    for (const point of ['state', 'claimed', 'ghost', 'copies', 'trigger', 'made'])
      await engine('prepare', { point: `prepare.${point}`, nth: 1 });
    await engine('prepare');
    for (const nth of [1, 1, 2]) await engine('copy', { point: 'copy.chunked', nth });
    await engine('copy', { point: 'copy.chunk', nth: 1, server: true });
    await engine('copy', { point: 'copy.copied', nth: 1 });
    await engine('copy', { point: 'copy.trigger', nth: 2 });
    await engine('copy');
    await proven();
    for (let round = 0; round < ROUNDS; round++)
      for (const verb of [round === 0 ? 'cutOver' : 'reapply', 'revert', 'reapply', 'revert']) {
        for (const point of ['begin', 'locked', 'followed', 'connected', 'queued', 'held'])
          if (verb === 'cutOver' || round > 0 || point === 'connected' || point === 'held')
            await engine(verb, { point: `swap.${point}`, nth: 1, done: point === 'held' });
        if (crashes < 3 || round > 0)
          await engine(verb, { point: crashes === 1 ? 'swap.held' : 'swap.queued', nth: 1, server: true, done: true });
        await engine(verb, { point: 'swap.renamed', nth: 1, done: true });
        await engine(verb, { point: 'settle.silent', nth: 1, done: true });
        await engine(verb);
        await proven();
      }
    await engine('finish', { point: 'clean.triggers', nth: 1 });
  } finally {
    for (const writer of writers) writer.stop();
    await writing;
  }
  const { checked, wrong } = await audit(url, writers);
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(2_000);
  expect(
    await rows(url, 'select count(*) as n from chd left join src on src.id = chd.sid where src.id is null'),
  ).toEqual([{ n: '0' }]);
  // What the old side has of its own is what the row had, wherever its key went.
  const [kept] = await rows(
    url,
    "select count(*) as n, sum(gone <> concat('k', born)) as wrong from src where born is not null",
  );
  expect(kept).toMatchObject({ wrong: '0' });
  expect({ kills: kills >= 20, crashes: crashes >= 3 }).toEqual({ kills: true, crashes: true });
  // What users met: what they have to be ready for in any case, and nothing else.
  const codes = new Set(writers.flatMap(({ refusals }) => [...refusals.keys()]));
  expect([...codes].filter((code) => ![0, 1205, 1213, 1062, 1053, 1452].includes(code))).toEqual([]);
  await engine('finish', { point: 'clean.table', nth: 1 });
  await engine('finish');
  expect(await new MySqlEngine({ url }).leftovers()).toEqual([]);
  if (process.env.TORTURE_ROUNDS)
    console.log(
      `${writers.reduce((sum, { writes }) => sum + writes, 0)} writes, ${checked} rows, ${kills} kills, ${crashes} crashes, ` +
        JSON.stringify(writers.map(({ refusals, unknown }) => [...refusals, unknown.size])),
    );
}, 1_800_000);

test('one row that is not right is found and named', async () => {
  const change = await planned(
    server.url,
    'control',
    ['create table t (id int primary key, v int)', 'insert into t select seq, seq from seq_1_to_5000'],
    ['alter table t modify v bigint'],
  );
  const own = new MySqlEngine({ url });
  const work = { signal: new AbortController().signal };
  await own.prepare(change, work);
  await own.copy(change, work);
  await run(url, 'set @gatewright_engine = 1', 'update t_gw_g set v = v + 1 where id = 4321');
  await run(url, 'set @gatewright_engine = 1', 'delete from t_gw_g where id = 17');
  expect(await own.prove(change, work)).toMatchObject({
    differingCount: 2,
    differing: [17, 4321].map((id) => ({ table: 't', key: { id: String(id) } })),
  });
  await own.cancel(change, work);
}, 60_000);
