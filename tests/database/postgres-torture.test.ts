import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import { freePort } from '../../environment/ports';
import { startPostgres, type Postgres } from '../../environment/postgres';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Proof } from '../../drivers/database/engine';
import { callEngine, type Kill } from './support/engine-call';
import { planned, rows, run } from './support/postgres-plan';
import { audit, tortured, Writer } from './support/postgres-writers';

/** How long it goes on: once through everything for every `npm test`, more often where somebody asks for it. */
const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 1);
const ROWS = Number(process.env.TORTURE_ROWS ?? 6_000);
const schema = 'st';

let directory: string;
let port: number;
let server: Postgres;
let change: PlannedChange;
let [kills, crashes] = [0, 0];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-torture-'));
  port = await freePort('127.0.0.1');
  server = await start();
  await run(server.url, schema, `create schema ${schema}`, ...tortured(ROWS));
  change = await planned(server.url, schema, 'torture', [
    'drop view seen',
    'alter table src drop gone, alter c type bigint, alter v type varchar(40), alter v set not null',
    "alter table src add added text not null default 'A'",
    'create view seen as select id, v from src',
  ]);
  writeFileSync(join(directory, 'change.json'), JSON.stringify(change));
}, 60_000);

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<Postgres> {
  return await startPostgres({ directory, port, settings: { fsync: 'off' } });
}

/** Runs one call in a process of its own. @returns its result; null when it was killed, as it was told to be. */
async function engine(verb: string, kill?: Kill, forMs?: number): Promise<unknown> {
  const { code, signal, output, errors } = await callEngine({
    ...{ kind: 'postgresql', engine: { url: server.url, schema }, verb, change: join(directory, 'change.json') },
    ...(forMs === undefined ? {} : { forMs }),
    ...(kill
      ? { kill: { point: kill.point, nth: kill.nth, ...(kill.server ? { server: server.component.pid } : {}) } }
      : {}),
  });
  if (kill?.server) {
    await Promise.race([server.component.ended, sleep(code === 0 ? 500 : 5_000)]);
    if (server.component.running && kill.done && code === 0) return null;
    if (server.component.running) throw new Error(`${verb} never came to ${kill.point}: ${errors}`);
    crashes++;
    await restarted();
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

/** The backends of the one that was killed have to find out first. */
async function restarted(): Promise<void> {
  for (const deadline = Date.now() + 20_000; ;) {
    try {
      server = await start();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** What the other side has of its own is what the row had, wherever its key went. */
async function keptValues(): Promise<unknown> {
  return await rows(
    server.url,
    schema,
    `select count(*)::int as n, count(*) filter (where gone is distinct from 'k' || born)::int as wrong
     from src where born is not null`,
  );
}

test('no write is lost, whatever is killed whenever', async () => {
  const writers = [0, 1, 2].map((n) => new Writer(server.url, schema, n, 3));
  const writing = Promise.all(writers.map((writer) => writer.run()));
  const proven = async (): Promise<void> => {
    await engine('follow', { point: 'follow.batched', nth: 3 });
    await engine('follow', undefined, 500);
    for (const point of ['prove.range', 'prove.ranged']) await engine('prove', { point, nth: 1 });
    expect((await engine('prove')) as Proof).toMatchObject({ differing: [], differingCount: 0 });
  };
  try {
    for (const point of ['prepare.state', 'prepare.helpers', 'prepare.trigger', 'prepare.triggered'])
      await engine('prepare', { point, nth: 1 });
    await engine('prepare');
    for (const nth of [1, 1, 2]) await engine('copy', { point: 'copy.chunked', nth });
    await engine('copy', { point: 'copy.chunk', nth: 1, server: true });
    await engine('copy', { point: 'copy.copied', nth: 1 });
    await engine('copy');
    await proven();
    for (let round = 0; round < ROUNDS; round++) {
      for (const verb of [round === 0 ? 'cutOver' : 'reapply', 'revert', 'reapply', 'revert']) {
        const points = ['dress', 'swap.begin', 'swap.locked', 'swap.followed', 'swap.commit'];
        if (verb === 'cutOver' || round > 0) for (const point of points) await engine(verb, { point, nth: 1 });
        for (let n = 0; n < 3 && round > 0; n++)
          await engine(verb, { point: '*', nth: 1 + Math.floor(Math.random() * 6), server: n === 2, done: true });
        if (crashes < 3 || round > 0) await engine(verb, { point: 'swap.commit', nth: 1, server: true });
        await engine(verb, { point: 'swap.done', nth: 1, done: true });
        await engine(verb);
        await proven();
      }
    }
  } finally {
    for (const writer of writers) writer.stop();
    await writing;
  }
  await engine('follow', undefined, 1_000);
  const { checked, wrong } = await audit(server.url, schema, writers);
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(2_000);
  const [kept] = (await keptValues()) as { n: number; wrong: number }[];
  expect(kept).toMatchObject({ wrong: 0 });
  expect(kept!.n).toBeGreaterThan(ROWS / 2);
  expect({ kills: kills >= 20, crashes: crashes >= 3 }).toEqual({ kills: true, crashes: true });
  // What users met: what they have to be ready for in any case, and nothing else.
  const codes = new Set(writers.flatMap(({ refusals }) => [...refusals.keys()]));
  expect([...codes].filter((code) => !/^(40001|40P01|08|57P|23505 src_u_key$)/.test(code))).toEqual([]);
  console.log(
    `${writers.reduce((sum, { writes }) => sum + writes, 0)} writes, ${checked} rows, ${kills} kills, ${crashes} crashes, ` +
      JSON.stringify(writers.map(({ refusals, unknown }) => [...refusals, unknown.size])),
  );

  await run(
    server.url,
    schema,
    "set gatewright.applier = 'on'; update src_gw_new set c = c + 1 where id = (select min(id) from src_gw_new)",
  );
  const [first] = await rows(server.url, schema, 'select min(id) as id from src_gw_new');
  expect((await engine('prove')) as Proof).toMatchObject({
    differing: [{ table: 'src', key: { id: String(first!.id) } }],
    differingCount: 1,
  });
  await engine('finish', { point: 'clean.table', nth: 1 });
  await engine('finish', { point: 'clean.state', nth: 1 });
  await engine('finish');
  expect(await new PostgresEngine({ url: server.url, schema }).leftovers()).toEqual([]);
}, 1_800_000);
