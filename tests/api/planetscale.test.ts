import { TestApi } from './support/api';
import { expectError, Planetscale } from './support/planetscale';

/* The way of most people: a database, a branch, a deploy request, a deploy. */

let api: TestApi;
let ps: Planetscale;
beforeEach(async () => {
  api = await TestApi.start();
  ps = await Planetscale.of(api);
});
afterEach(() => api.close());

test('a database is made on the server of its kind, with a first branch', async () => {
  const path = `/organizations/${ps.organizationId}/databases`;
  const made = await ps.call('POST', path, {
    name: 'shop',
    cluster_size: 'PS_10',
    kind: 'postgresql',
    region: 'us-east',
  });
  expect([made.status, made.json]).toEqual([
    201,
    expect.objectContaining({
      name: 'shop',
      kind: 'postgresql',
      state: 'pending',
      ready: false,
      default_branch: 'main',
    }),
  ]);
  const shown = await ps.get('');
  expect(shown.json).toMatchObject({ state: 'ready', ready: true, branches_count: 1, production_branches_count: 1 });
  expect((await api.store.deploys.databases.named(ps.organizationId, 'shop'))!.server).toBe('postgres-url');
  const branches = (await ps.get('/branches')).json;
  expect(branches).toMatchObject({ type: 'list', total_count: 1, next_page: null });
  expect(branches.data).toEqual([
    expect.objectContaining({ name: 'main', ready: true, production: true, parent_branch: null, kind: 'postgresql' }),
  ]);
  expect(branches.data[0].schema_name).toMatch(/^gw_shop_main_[0-9a-f]{8}$/);
});

test('a name is taken once in an organization, and by everybody else as they like', async () => {
  await ps.database();
  const body = { name: 'shop', cluster_size: 'PS_10' };
  const again = await ps.call('POST', `/organizations/${ps.organizationId}/databases`, body);
  expectError(again, 409, 'conflict');
  expect(again.json.message).toBe('Name has already been taken');
  const other = await Planetscale.of(api);
  expect((await other.call('POST', `/organizations/${other.organizationId}/databases`, body)).status).toBe(201);
});

test('a deploy request goes from the branch into its parent, and is deployed', async () => {
  await ps.database();
  const opened = await ps.post('/deploy-requests', { branch: 'dev', notes: 'more <b>columns' });
  expect([opened.status, opened.json]).toEqual([
    201,
    expect.objectContaining({
      number: 1,
      branch: 'dev',
      into_branch: 'main',
      state: 'open',
      approved: false,
      deployment_state: 'pending',
      html_body: '<p>more &lt;b&gt;columns</p>',
    }),
  ]);
  const ready = (await ps.get('/deploy-requests/1')).json;
  expect(ready).toMatchObject({ deployment_state: 'ready', deployment: { deployable: true } });
  expect(ready.deployment.deploy_operations).toHaveLength(1);
  const deployed = await ps.post('/deploy-requests/1/deploy', { instant_ddl: false });
  expect([deployed.status, deployed.json.deployment_state, deployed.json.deployment.state]).toEqual([
    200,
    'queued',
    'queued',
  ]);
  expect(api.engine.deploys.told).toMatchObject(
    [{ signal: 'deploy', told: { instant: false, by: /test admin/ } }].map((each) => ({
      ...each,
      told: { ...each.told, by: expect.stringMatching(each.told.by) },
    })),
  );
  expectError(await ps.post('/deploy-requests/1/deploy'), 409, 'conflict');
});

test('the newest comes first, and filters say which', async () => {
  await ps.database();
  for (const _ of [1, 2, 3]) await ps.request();
  await ps.call('PATCH', ps.at('/deploy-requests/2'), { state: 'closed' });
  const numbers = async (query: string): Promise<number[]> =>
    ((await ps.get(`/deploy-requests${query}`)).json.data as { number: number }[]).map(({ number }) => number);
  expect(await numbers('')).toEqual([3, 2, 1]);
  expect(await numbers('?state=open&branch=dev')).toEqual([3, 1]);
  expect(await numbers('?state=closed&into_branch=main')).toEqual([2]);
  expect(await numbers('?branch=other')).toEqual([]);
  expect(await numbers('?per_page=1&page=2')).toEqual([2]);
  const page = (await ps.get('/deploy-requests?per_page=1&page=2')).json;
  expect(page).toMatchObject({
    current_page: 2,
    per_page: 1,
    next_page: 3,
    prev_page: 1,
    total_count: 3,
    total_pages: 3,
  });
  expect(page.next_page_url).toBe(`${api.url}/v1${ps.at('/deploy-requests?per_page=1&page=3')}`);
});
