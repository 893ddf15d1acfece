import type { DatabaseRecord } from '../../domain/deploy/database';
import { eventually } from '../support/eventually';
import { changes, servers, shop, type Served } from './support/servers';
import { DeployWorld, testDeployPolicy, type Opened } from './support/world';

/* Requests whose histories become long: here they are long after a few events. */

jest.setTimeout(120_000);

const sql = changes.MariaDB;
/** Events after which a workflow is told to go on with a new history. */
const LONG = 40;

let served: Served;
let world: DeployWorld;
beforeAll(async () => {
  served = await servers[0]![1]();
  const policy = { ...testDeployPolicy, cutoverMs: 1_500 };
  world = await DeployWorld.start(served.target, policy, LONG);
  await world.startWorker();
}, 180_000);
afterAll(async () => {
  await world?.close();
  await served?.stop();
});

const runOf = async ({ handle }: Opened): Promise<string> => (await handle.describe()).runId;

/** Says things that change nothing until the workflow has gone on with a new history. */
async function untilNew(request: Opened): Promise<void> {
  const before = await runOf(request);
  for (let i = 1; (await runOf(request)) === before; i++) {
    if (i > 100) throw new Error('it does not go on');
    await request.tell('setThrottle', { ratio: (i % 10) / 10 });
  }
}

const ready = async (database: DatabaseRecord, name: string, statement: string): Promise<Opened> => {
  const request = await world.open(database, await world.branch(database, name, [statement]));
  await request.reaches('ready');
  return request;
};

test('it goes on with a new one wherever it waits, and nothing that was said is lost', async () => {
  const database = await world.database(shop.MariaDB);
  const { schema } = await world.branchNamed(database, 'main');
  const [first, second] = [await ready(database, 'first', sql.widen), await ready(database, 'second', sql.add)];
  await untilNew(first);
  await first.tell('deploy');
  await second.tell('deploy');
  await first.reaches('pending_cutover');
  await untilNew(first);
  await untilNew(second);
  await eventually(async () =>
    expect(await second.handle.query('deployment')).toMatchObject({ state: 'queued', preceding: [1] }),
  );
  const reader = await served.target.session(schema);
  await reader.execute('BEGIN');
  await reader.query('SELECT count(*) FROM orders');
  await first.tell('applyDeploy');
  await eventually(async () =>
    expect((await first.read()).deployment).toMatchObject({
      state: 'pending_cutover',
      error: { code: 'CHANGE_BLOCKED' },
    }),
  );
  reader.destroy();
  await untilNew(first);
  await first.tell('applyDeploy');
  const { deployment } = await first.reaches('complete_pending_revert');
  await untilNew(first);
  expect((await first.read()).deployment.revertWindowEndsAt).toEqual(deployment.revertWindowEndsAt);
  await first.tell('revert');
  await first.reaches('complete_revert');
  await first.handle.result();
  await second.reaches('pending_cutover');
  await untilNew(second);
  await second.tell('cancel');
  await second.reaches('complete_cancel');
  expect(await served.target.engine(schema).leftovers()).toEqual([]);
  expect((await served.target.model(schema)).tables[0]!.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'id int(11)',
    'note varchar(40)',
    'amount int(11)',
  ]);
});

test('a queue that many went through lets nobody in twice, and forgets nobody', async () => {
  const database = await world.database(shop.MariaDB);
  const requests: Opened[] = [];
  for (let i = 0; i < 12; i++) requests.push(await ready(database, `b${i}`, sql.widen));
  for (const request of requests) await request.tell('deploy');
  for (const request of requests.slice(1)) await request.tell('cancel');
  for (const request of requests.slice(1)) await request.reaches('complete_cancel');
  await requests[0]!.reaches('pending_cutover');
  const last = await ready(database, 'last', sql.add);
  await last.tell('deploy');
  await eventually(async () =>
    expect(await last.handle.query('deployment')).toMatchObject({ state: 'queued', preceding: [1] }),
  );
  await requests[0]!.tell('cancel');
  await last.reaches('pending_cutover');
  await last.tell('cancel');
  await last.reaches('complete_cancel');
});

test('a request that copies for long, and is slowed and hurried on the way, has a small history', async () => {
  const database = await world.database([
    'CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(40), amount INT NOT NULL)',
    "INSERT INTO orders (note, amount) SELECT concat('n', seq), seq FROM seq_1_to_30000",
  ]);
  const request = await ready(database, 'wide', sql.widen);
  await request.tell('setThrottle', { ratio: 0.95 });
  await request.tell('deploy');
  await request.reaches('in_progress');
  await eventually(async () => {
    const [operation] = await world.store.deploys.requests.operations(world.organizationId, request.ref.requestId);
    expect(operation!.throttledBy ?? operation!.rowsCopied).not.toBe(0);
  });
  await request.tell('setThrottle', { ratio: 0 });
  await request.reaches('pending_cutover');
  await request.tell('applyDeploy');
  await request.reaches('complete_pending_revert');
  await request.tell('skipRevert');
  await request.reaches('complete');
  const { historyLength } = await request.handle.describe();
  expect(historyLength).toBeLessThan(150);
});
