import { setTimeout as sleep } from 'node:timers/promises';
import { follows, type DeploymentState } from '../../domain/deploy/states';
import { audit, tortured, Writer } from '../database/support/mysql-writers';
import { eventually } from '../support/eventually';
import { servers, type Served } from './support/servers';
import { DeployWorld, testDeployPolicy, type Opened } from './support/world';

/*
 * The whole story with real data, under writers who know what every one of their rows must be. `STORY_ROWS` says how many
 * rows there are to begin with, as in `STORY_ROWS=2000000`.
 */

const ROWS = Number(process.env.STORY_ROWS ?? 80_000);

jest.setTimeout(600_000);

let served: Served;
let world: DeployWorld;
beforeAll(async () => {
  served = await servers[0]![1]();
  world = await DeployWorld.start(served.target, { ...testDeployPolicy, cutoverMs: 30_000, revertWindowMs: 600_000 });
  await world.startWorker();
}, 180_000);
afterAll(async () => {
  await world?.close();
  await served?.stop();
});

const third = [
  'create table third (id int primary key, x int)',
  `insert into third select seq, seq from seq_1_to_1000`,
];
const change = [
  "alter table src drop gone, modify c bigint, modify v varchar(60), add column added varchar(9) not null default 'A'",
  'alter table twin modify n bigint not null default 0',
  'alter table third add column y int',
];

/** Every state that a request was seen in, one after the other. */
function watched(request: Opened): { readonly seen: DeploymentState[]; stop(): Promise<void> } {
  const seen: DeploymentState[] = ['pending'];
  let over = false;
  const watching = (async (): Promise<void> => {
    while (!over) {
      const { state } = (await request.read()).deployment;
      if (seen.at(-1) !== state) seen.push(state);
      await sleep(5);
    }
  })();
  return {
    seen,
    stop: async () => {
      over = true;
      await watching;
    },
  };
}

test('copied, throttled, applied, reverted, deployed again and kept: no write is lost', async () => {
  const database = await world.database([...tortured(ROWS), ...third]);
  const { schema } = await world.branchNamed(database, 'main');
  const branch = await world.branch(database, 'feature', change);
  const url = `${served.target.url}${schema}`;
  const writers = [0, 1].map((n) => new Writer(url, n));
  const writing = Promise.all(writers.map(async (writer) => await writer.run()));
  const stories: DeploymentState[][] = [];
  const watches: ReturnType<typeof watched>[] = [];
  const asked = async (request: Opened): Promise<string | null> => {
    const operations = await world.store.deploys.requests.operations(world.organizationId, request.ref.requestId);
    return operations.find(({ table }) => table === 'src')!.throttledBy;
  };
  const live = async (slowed: boolean): Promise<{ request: Opened; states: ReturnType<typeof watched> }> => {
    const request = await world.open(database, branch);
    const states = watched(request);
    watches.push(states);
    await request.reaches('ready', 120_000);
    if (slowed) await request.tell('setThrottle', { ratio: 0.9 });
    await request.tell('deploy');
    await request.reaches('in_progress', 60_000);
    if (slowed) {
      await eventually(async () => expect(await asked(request)).toBe('asked'), 60_000);
      expect((await request.read()).deployment.state).toBe('in_progress');
      await request.tell('setThrottle', { ratio: 0 });
    }
    await request.reaches('pending_cutover', 300_000);
    await sleep(1_000);
    await request.tell('applyDeploy');
    await request.reaches('complete_pending_revert', 60_000);
    await sleep(1_000);
    return { request, states };
  };
  try {
    const first = await live(true);
    await first.request.tell('revert');
    await first.request.reaches('complete_revert', 120_000);
    await first.states.stop();
    const second = await live(false);
    await second.request.tell('skipRevert');
    await second.request.reaches('complete', 60_000);
    await second.states.stop();
    stories.push(first.states.seen, second.states.seen);
  } finally {
    writers.forEach((writer) => writer.stop());
    await writing;
    await Promise.all(watches.map(async (watch) => await watch.stop()));
  }

  const { checked, wrong } = await audit(url, writers);
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(500);
  expect(await served.target.engine(schema).leftovers()).toEqual([]);
  const columns = (await served.target.model(schema)).tables.flatMap(({ name, columns: all }) =>
    all.map((column) => `${name}.${column.name} ${column.type}`),
  );
  expect(columns).toEqual(expect.arrayContaining(['src.added varchar(9)', 'src.c bigint(20)', 'third.y int(11)']));
  expect(columns).not.toContain('src.gone varchar(20)');

  const copied = ['pending', 'ready', 'queued', 'submitting', 'in_progress', 'pending_cutover'];
  const swapped = [...copied, 'in_progress_cutover', 'complete_pending_revert'];
  const expected = [
    [...swapped, 'in_progress_revert', 'complete_revert'],
    [...swapped, 'complete'],
  ];
  for (const [i, seen] of stories.entries()) {
    // Whoever looks now and then may miss one that is over in a moment, but sees none out of its order.
    const all = expected[i]!;
    expect(all.filter((state) => (seen as string[]).includes(state))).toEqual(seen);
    all.slice(1).forEach((state, j) => expect(follows(all[j] as DeploymentState, state as DeploymentState)).toBe(true));
  }
  // What users met: what they have to be ready for in any case, and nothing else.
  const codes = new Set(writers.flatMap(({ refusals }) => [...refusals.keys()]));
  expect([...codes].filter((code) => ![1205, 1213, 1062, 1452].includes(code))).toEqual([]);
});
