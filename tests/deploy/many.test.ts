import type { DeployRequest } from '../../domain/deploy/request';
import { eventually } from '../support/eventually';
import { servers, type Served } from './support/servers';
import { DeployWorld, testDeployPolicy, type Opened } from './support/world';

/*
 * Many requests on several databases at once: never two on one place, first come first served, and everything ends.
 * `MANY=all` makes them a hundred on ten databases.
 */

const [DATABASES, EACH] = process.env['MANY'] === 'all' ? [10, 10] : [4, 4];

jest.setTimeout(900_000);

let served: Served;
let world: DeployWorld;
beforeAll(async () => {
  served = await servers[0]![1]();
  world = await DeployWorld.start(served.target, { ...testDeployPolicy, cutoverMs: 60_000, revertWindowMs: 1 });
  await world.startWorker();
}, 180_000);
afterAll(async () => {
  await world?.close();
  await served?.stop();
});

/** The columns that a request adds, by its place among those of its database. */
const column = (i: number): string => `added_${i}`;

async function opened(): Promise<Opened[]> {
  const database = await world.database([
    'CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, amount INT NOT NULL)',
    'INSERT INTO orders (amount) SELECT seq FROM seq_1_to_50',
  ]);
  const requests: Opened[] = [];
  for (let i = 0; i < EACH; i++) {
    const branch = await world.branch(database, `b${i}`, [`ALTER TABLE orders ADD COLUMN ${column(i)} INT`]);
    requests.push(await world.open(database, branch, { autoCutover: true }));
  }
  return requests;
}

test('they go through, one after the other on each database and side by side on different ones', async () => {
  const databases = await Promise.all(Array.from({ length: DATABASES }, opened));
  const all = databases.flat();
  for (const request of all) await request.reaches('ready', 300_000);
  // Every database has its own order, and every third request is cancelled somewhere on its way.
  await Promise.all(
    databases.map(async (requests) => {
      for (const request of requests) await request.tell('deploy');
    }),
  );
  const cancelled = all.filter((_, i) => i % 3 === 2);
  for (const request of cancelled) await request.tell('cancel').catch(() => undefined);
  const rows = new Map<string, DeployRequest>();
  for (const request of all) {
    const row = await eventually(async () => {
      const read = await request.read();
      expect(['complete', 'complete_cancel']).toContain(read.deployment.state);
      return read;
    }, 600_000);
    rows.set(request.ref.requestId, row);
    await request.handle.result().catch(() => undefined);
  }

  for (const requests of databases) {
    const order = requests
      .map(({ ref }) => rows.get(ref.requestId)!)
      .filter(({ deployment }) => deployment.submittedAt !== null)
      .toSorted((a, b) => a.deployedAt!.getTime() - b.deployedAt!.getTime() || a.number - b.number);
    for (const [i, { deployment }] of order.entries()) {
      const before = order[i - 1]?.deployment;
      if (before) expect(deployment.submittedAt!.getTime()).toBeGreaterThanOrEqual(before.finishedAt!.getTime());
    }
    const { ref } = requests[0]!;
    const main = (await world.store.deploys.branches.named(ref.organizationId, ref.databaseId, 'main'))!;
    const live = (await served.target.model(main.schema)).tables[0]!.columns.map(({ name }) => name);
    const done = requests.flatMap((request, i) =>
      rows.get(request.ref.requestId)!.deployment.state === 'complete' ? [column(i)] : [],
    );
    expect(live.toSorted()).toEqual(['id', 'amount', ...done].toSorted());
    expect(await served.target.engine(main.schema).leftovers()).toEqual([]);
  }
  const complete = [...rows.values()].filter(({ deployment }) => deployment.state === 'complete');
  expect(complete.length).toBeGreaterThanOrEqual(all.length - cancelled.length);
});
