import { expectError, type Planetscale } from './support/planetscale';
import { expectProblem, TestApi } from './support/api';
import { RolloutWorld, untilLive, type TestApply } from './support/rollouts';

/* What PlanetScale's clients see of a deploy over several deployments, and how they steer it. */

let api: TestApi;
let world: RolloutWorld;
let ps: Planetscale;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await RolloutWorld.of(api);
  ({ ps } = world);
});

const shown = async () => (await ps.get('/deploy-requests/1')).json;
const deployment = async () => (await ps.get('/deploy-requests/1/deployment')).json;
const report = (apply: TestApply, position: number, users: object) =>
  api.store.deploys.requests.report(world.organizationId, apply.operations[position]!.id, { users });

test('before it is deployed, everything is to be done everywhere', async () => {
  await ps.request();
  expect(await shown()).toMatchObject({ into_branch_sharded: true, into_branch_shard_count: 3 });
  const { deploy_operations: operations, deploy_operation_summaries: summaries, strategy } = await deployment();
  expect(operations.map((each: Record<string, unknown>) => [each['shard'], each['state']])).toEqual([
    ['main', 'pending'],
    ['eu-1', 'pending'],
    ['us-1', 'pending'],
  ]);
  expect(new Set(operations.map(({ id }: { id: string }) => id)).size).toBe(3);
  expect(summaries).toHaveLength(1);
  const names = ['main', 'eu-1', 'us-1'];
  expect(summaries[0]).toMatchObject({ sharded: true, shard_count: 3, shard_names: names, state: 'pending' });
  expect(strategy).toBe('serial');
});

test('while it is deployed, an operation is of one table in one deployment, and a summary of a table in all', async () => {
  const apply = await world.apply();
  await apply.move(0, 'begin');
  await report(apply, 0, { state: 'complete', percent: 100, rowsCopied: 3_000 });
  await report(apply, 1, { state: 'in_progress', percent: 50, rowsCopied: 500, etaSeconds: 30.2 });
  const { deploy_operations: operations, deploy_operation_summaries: summaries } = await deployment();
  expect(operations.map((each: Record<string, unknown>) => [each['shard'], each['progress_percentage']])).toEqual([
    ['main', 100],
    ['eu-1', 50],
    ['us-1', 0],
  ]);
  // 3,000 of 3,000 rows, 500 of 1,000, and none of as many as the others have.
  expect(summaries[0]).toMatchObject({ state: 'in_progress', progress_percentage: 58, eta_seconds: 31 });
  expect(summaries[0].operations).toEqual([
    { id: operations[0].id, shard: 'main', state: 'complete', progress_percentage: 100, eta_seconds: 0 },
    { id: operations[1].id, shard: 'eu-1', state: 'in_progress', progress_percentage: 50, eta_seconds: 31 },
    { id: operations[2].id, shard: 'us-1', state: 'pending', progress_percentage: 0, eta_seconds: 0 },
  ]);
  await report(apply, 2, { state: 'error', error: 'disk full' });
  expect((await deployment()).deploy_operation_summaries[0]).toMatchObject({
    ...{ state: 'error', deploy_errors: 'us-1: disk full' },
  });
  const listed = (await ps.get('/deploy-requests/1/operations?per_page=2')).json;
  expect([listed.total_count, listed.data.length]).toEqual([3, 2]);
});

test('what is told of it is the same whatever becomes of its deployments later', async () => {
  const apply = await world.apply();
  for (const position of [0, 1, 2]) await apply.move(position, ...untilLive, 'skipRevert', 'finish');
  await ps.forced(apply.id, 'complete');
  const before = await deployment();
  for (const { id } of world.deployments.slice(1))
    await api.store.rollouts.deployments.remove(world.organizationId, world.databaseId, id);
  expect((await deployment()).deploy_operation_summaries).toEqual(before.deploy_operation_summaries);
  expect(before.deploy_operation_summaries[0]).toMatchObject({ shard_count: 3 });
});

test('a deploy goes by the strategy that it is asked with', async () => {
  for (const [strategy, cutover] of [
    ['parallel', 'barrier'],
    ['serial', 'sequential'],
    [undefined, null],
    [null, null],
  ] as const) {
    const { id, number } = await ps.request();
    const deployed = await ps.post(`/deploy-requests/${number}/deploy`, { strategy });
    expect([deployed.status, deployed.json.deployment_state]).toEqual([200, 'queued']);
    expect(deployed.json.deployment.strategy).toBe(strategy ?? 'serial');
    const stored = await api.store.deploys.requests.byId(world.organizationId, id);
    expect(stored!.deployment.cutover).toBe(cutover);
    await ps.forced(id, 'complete');
  }
  const { number, id } = await ps.request();
  expectError(await ps.post(`/deploy-requests/${number}/deploy`, { strategy: 'both' }), 422);
  expect((await api.store.deploys.requests.byId(world.organizationId, id))!.deployment.state).toBe('ready');
});

test('what can be done follows from all deployments, and not from the words for the request', async () => {
  const apply = await world.apply();
  await apply.move(0, ...untilLive);
  await ps.forced(apply.id, 'in_progress');
  const { allowed } = await deployment();
  expect(allowed).toEqual(expect.arrayContaining(['cancel', 'revert', 'skip-revert', 'throttle']));
  expect((await ps.post('/deploy-requests/1/revert')).status).toBe(200);
  const refused = await ps.post('/deploy-requests/1/skip-revert');
  expectError(refused, 409, 'conflict');
  expect(refused.json.allowed).not.toContain('skip-revert');
  expect(api.engine.deploys.told.filter(({ request }) => request.requestId === apply.id)).toHaveLength(1);
});

test('a database with one deployment is told of as ever', async () => {
  await ps.database('alone');
  const request = await ps.request('in_progress', {}, 'alone');
  const { json } = await ps.get(`/deploy-requests/${request.number}`, 'alone');
  expect(json).toMatchObject({ into_branch_sharded: false, into_branch_shard_count: 1 });
  const [operation] = json.deployment.deploy_operations;
  expect('shard' in operation || 'strategy' in json.deployment).toBe(false);
  expect(json.deployment.deploy_operation_summaries[0]).toMatchObject({
    ...{ sharded: false, shard_count: 1, shard_names: ['-'], operations: [{ id: operation.id, shard: '-' }] },
  });
  const ours = `/v1${ps.at(`/applies/${request.number}`, 'alone')}`;
  const headers = { authorization: ps.tokens.read };
  expectProblem(await api.call('GET', ours, { token: null, headers }), 404, 'NOT_FOUND');
});
