import type { MariaDb } from '../../environment/mariadb';
import { privateMariaDb } from '../database/support/servers';
import { MySqlTarget } from './support/targets';
import { DeployWorld } from './support/world';

/* The life of one deploy request, on MariaDB. */

jest.setTimeout(60_000);

let server: MariaDb;
let world: DeployWorld;

beforeAll(async () => {
  server = await privateMariaDb();
  world = await DeployWorld.start(new MySqlTarget(server.url));
  await world.startWorker();
}, 180_000);
afterAll(async () => {
  await world?.close();
  await server?.stop();
});

const orders = 'CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(40), amount INT NOT NULL)';
const rows = "INSERT INTO orders (note, amount) SELECT concat('n', seq), seq FROM seq_1_to_2000";
const widened = 'ALTER TABLE orders MODIFY amount BIGINT NOT NULL, ADD COLUMN city VARCHAR(20)';

test('it is created, checked, deployed, copied, gated, applied, and complete when nobody wants it reverted', async () => {
  const database = await world.database([orders, rows]);
  const branch = await world.branch(database, 'wide', [widened]);
  const request = await world.open(database, branch);
  await request.reaches('ready');
  const operations = await world.store.deploys.requests.operations(world.organizationId, request.ref.requestId);
  expect(operations).toMatchObject([{ table: 'orders', kind: 'ALTER', way: 'shadow', state: 'pending' }]);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  await request.tell('applyDeploy');
  const live = await request.reaches('complete_pending_revert');
  expect(live.deployment.revertWindowEndsAt!.getTime() - live.deployment.cutoverAt!.getTime()).toBe(30 * 60_000);
  await request.tell('skipRevert');
  await request.reaches('complete');
  await request.handle.result();
});
