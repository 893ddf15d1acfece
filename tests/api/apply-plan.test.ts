import type { WouldDeploy } from '../../domain/deploy/contract';
import { Failure } from '../../domain/failures';
import { expectProblem, TestApi } from './support/api';
import { RolloutWorld } from './support/rollouts';

/* What a deploy would do on each deployment. */

let api: TestApi;
let world: RolloutWorld;
beforeAll(async () => {
  api = await TestApi.start({ waitMs: 300 });
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await RolloutWorld.of(api);
});

const would = (deploymentId: string, changes: Partial<WouldDeploy> = {}): WouldDeploy => ({
  deploymentId,
  operations: [
    { kind: 'ALTER', table: 'users', ddl: 'ALTER', way: 'shadow', because: 'it is rewritten', canDropData: true },
  ],
  ...{ lint: [], instantEligible: false, bytesNeeded: 7, error: null, drift: [] },
  ...changes,
});
const plan = (body: object) => world.call('POST', '/applies/plan', body, world.ps.tokens.read);
const ids = () => world.deployments.map(({ id }) => id);
/** Has looks find something. */
const seen = (deployments: readonly WouldDeploy[]): void => {
  api.engine.deploys.seen = () => ({ diff: [{ name: 'users', text: '+age' }], deployments });
};

test('of a request that is open: everywhere, with gates, in the order of the rollout', async () => {
  await world.ps.request();
  seen(ids().map((id) => would(id)));
  const { status, json } = await plan({ deploy_request: 1 });
  expect(status).toBe(200);
  expect(json).toMatchObject({ branch: 'dev', into_branch: 'main', deployable: true, settings: { copies: 4 } });
  expect(json.diff).toEqual([{ name: 'users', raw: '+age' }]);
  expect(json.deployments.map((each: Record<string, unknown>) => [each['deployment'], each['position']])).toEqual([
    ['main', 0],
    ['eu-1', 1],
    ['us-1', 2],
  ]);
  expect(json.deployments[1]).toMatchObject({
    ...{ environment: 'production', gate: { open: true }, bytes_needed: 7, drift: [], error: null },
    operations: [{ table: 'users', way: 'shadow', can_drop_data: true }],
  });
  const { look } = api.engine.deploys.looks.at(-1)!;
  expect(look).toMatchObject({ at: 'rollout', renames: [] });
});

test('of a branch, without a request', async () => {
  seen(ids().map((id) => would(id)));
  expect((await plan({ branch: 'dev' })).json.branch).toBe('dev');
  expect((await world.ps.get('/deploy-requests')).json.total_count).toBe(0);
});

test('a place that has drifted, cannot be reached or does not take it, is in the way', async () => {
  const [first, second, third] = ids();
  const unlike = {
    drift: { drift: ['deployment eu-1 has another schema'] },
    error: { error: { code: 'DATABASE_UNREACHABLE', message: 'no route' } },
    lint: { lint: [{ code: 'NO_UNIQUE_KEY', table: 'users', column: null, subject: null, message: 'm', rows: null }] },
  } as const;
  for (const changes of Object.values(unlike)) {
    seen([would(first!), would(second!, changes), would(third!)]);
    const { json } = await plan({ branch: 'dev' });
    expect(json.deployable).toBe(false);
    expect(json.deployments[1].lint.map(({ severity }: { severity: string }) => severity)).toEqual(
      'lint' in changes ? ['error'] : [],
    );
  }
});

test('nothing is told where there is nothing to tell of', async () => {
  const alone = await RolloutWorld.of(api);
  await alone.ps.database('other');
  const at = `/v1${alone.ps.at('/applies/plan', 'other')}`;
  const call = { body: { branch: 'dev' }, token: null, headers: { authorization: alone.ps.tokens.read } };
  expectProblem(await api.call('POST', at, call), 409, 'STATE_CONFLICT');
  expectProblem(await plan({ deploy_request: 9 }), 404, 'NOT_FOUND');
  expectProblem(await plan({ branch: '../x' }), 404, 'NOT_FOUND');
  expectProblem(await plan({ branch: 'main' }), 400, 'INVALID_INPUT');
  for (const body of [{ deploy_request: -1 }, { deploy_request: 1, branch: 'dev' }, {}, []])
    expectProblem(await plan(body), 400, 'INVALID_INPUT');
});

test('what the look fails with, and nobody who looks', async () => {
  api.engine.deploys.seen = () => {
    throw new Failure('DEPLOY_CONFLICT', 'both have changed users');
  };
  expectProblem(await plan({ branch: 'dev' }), 409, 'DEPLOY_CONFLICT');
  api.engine.deploys.quick = false;
  expectProblem(await plan({ branch: 'dev' }), 503, 'ENGINE_UNAVAILABLE');
  api.engine.deploys.quick = true;
});
