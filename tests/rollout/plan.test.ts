import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { inspectSteps } from '../../activities/database/inspect';
import type { DeployPorts } from '../../activities/deploy/ports';
import { FakeSchemas, branchPrefix } from '../../bench/rollout/fake-engine';
import type { Look, WouldRollOut } from '../../domain/deploy/contract';
import { defaultDatabaseSettings } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { RunPolicy } from '../../domain/run-policy';
import type { Store } from '../../prisma/store';
import { openTestStore } from '../api/support/store';

/* What a deploy would do on each deployment, as a worker finds it out. */

const organizationId = randomUUID();
let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatewright-plan-'));
  store = await openTestStore(directory);
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A database whose default branch is deployed to, with more deployments in schemas of these names. */
async function planned(schemas: readonly string[], ports: (ports: DeployPorts) => DeployPorts = (same) => same) {
  const { deploys, rollouts } = store;
  const [databaseId, into, branch] = [randomUUID(), randomUUID(), randomUUID()];
  const plain = { parent: null, adopted: false, production: true, safeMigrations: false, createdBy: 'ada' };
  await deploys.databases.create({
    ...{ id: databaseId, organizationId, name: `shop-${databaseId}`, kind: 'mysql', server: 'mariadb', notes: '' },
    settings: defaultDatabaseSettings,
    branch: { ...plain, id: into, name: 'main', schema: `d-${into}` },
  });
  const changed = { ...plain, id: branch, name: 'dev', parent: 'main', schema: `${branchPrefix}-${branch}` };
  await deploys.branches.create(organizationId, databaseId, changed);
  for (const schema of schemas)
    await rollouts.deployments.add({
      ...{ id: randomUUID(), organizationId, databaseId, name: schema, environment: 'production' },
      ...{ server: `server-${databaseId}`, schema },
    });
  const steps = inspectSteps(
    ports(
      new FakeSchemas().ports({ deploys, rollouts, freeDisk: () => Promise.resolve(null) } as unknown as DeployPorts),
    ),
  );
  const look: Look = { at: 'rollout', branchId: branch, intoBranchId: into };
  const inspection = { organizationId, databaseId, policy: {} as RunPolicy, look };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const found: unknown = await environment.run(async (): Promise<unknown> => await steps.inspect(inspection));
  const would = found as WouldRollOut;
  const deployments = await rollouts.deployments.list(organizationId, databaseId);
  return { would, names: deployments.map(({ name }) => name), ids: deployments.map(({ id }) => id) };
}

test('the same change is planned everywhere, in the order of the rollout', async () => {
  const { would, names, ids } = await planned(['d1', 'd2', 'd3', 'd4', 'd5']);
  expect(names).toEqual(['main', 'd1', 'd2', 'd3', 'd4', 'd5']);
  expect(would.deployments.map(({ deploymentId }) => deploymentId)).toEqual(ids);
  expect(would.diff.map(({ name }) => name)).toEqual(['orders']);
  for (const each of would.deployments) {
    expect(each).toMatchObject({ error: null, drift: [], lint: [] });
    expect(each.operations).toMatchObject([{ kind: 'ALTER', table: 'orders', way: 'shadow' }]);
    expect(each.bytesNeeded).toBeGreaterThan(0);
  }
});

test('one whose schema is not that of the first is named with what is different', async () => {
  const { would } = await planned(['d1', `${branchPrefix}1`]);
  const [first, same, other] = would.deployments;
  expect([first!.drift, same!.drift]).toEqual([[], []]);
  expect(other!.drift).toEqual([expect.stringMatching(/ALTER table orders/)]);
  expect(other!.operations).toEqual([]);
});

test('one that cannot be reached says so, and the others are planned all the same', async () => {
  const { would } = await planned(['d1', 'd2'], (ports) => ({
    ...ports,
    engine: async (database, schema) => {
      if (schema === 'd1') throw new Failure('SECRET_UNAVAILABLE', 'there is no secret server-d1');
      return await ports.engine(database, schema);
    },
  }));
  expect(would.deployments.map(({ error, operations }) => [error?.code ?? null, operations.length])).toEqual([
    [null, 1],
    ['SECRET_UNAVAILABLE', 0],
    [null, 1],
  ]);
});

test('a database with one deployment has no such plan', async () => {
  await expect(planned([])).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
});
