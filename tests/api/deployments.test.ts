import { randomUUID } from 'node:crypto';
import { expectProblem, TestApi, type Reply } from './support/api';
import { Planetscale } from './support/planetscale';
import { RolloutWorld } from './support/rollouts';

/* The deployments of a database, and how rollouts over them are set. */

let api: TestApi;
let ps: Planetscale;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());
beforeEach(async () => {
  ps = await Planetscale.of(api);
  await ps.database();
});

const path = (rest = ''): string => `/v1${ps.at(`/deployments${rest}`)}`;
const add = (body: object, headers: Record<string, string> = {}, token = api.tokens.admin): Promise<Reply> =>
  api.call('POST', path(), { body, headers, token });
const place = (changes: object = {}): object => ({
  ...{ name: 'eu-1', environment: 'production', server: 'mariadb-eu', schema: 'shop' },
  ...changes,
});
const names = async (): Promise<string[]> =>
  (await ps.get('/deployments')).json.deployments.map(({ name }: { name: string }) => name);

test('are added, shown in the order of the rollout, changed and left out', async () => {
  expect(await names()).toEqual([]);
  const added = await add(place());
  expect([added.status, added.headers.get('etag')]).toEqual([201, '"1"']);
  expect(added.json).toMatchObject({ ...place(), position: 1, resource_version: 1 });
  expect((await add(place({ name: 'canary', environment: 'staging', schema: 'try' }))).status).toBe(201);
  // That of the default branch was entered with the first.
  expect(await names()).toEqual(['main', 'canary', 'eu-1']);
  const rollout = { environments: ['staging', 'production'], cutover: 'barrier', copies: 2 };
  const set = await ps.call('PATCH', ps.at(), { rollout });
  expect([set.status, set.json.rollout]).toEqual([200, { ...rollout, on_failure: 'halt', revert_together: true }]);
  expect((await ps.call('PATCH', ps.at(), { rollout: { on_failure: 'pause' } })).json.rollout).toMatchObject({
    ...rollout,
    on_failure: 'pause',
  });
  expect(await names()).toEqual(['canary', 'main', 'eu-1']);

  const one = path(`/${added.json.id}`);
  const changed = await api.call('PATCH', one, { body: { name: 'eu-west-1', position: 0 }, token: api.tokens.admin });
  expect([changed.status, changed.json.name, changed.json.resource_version]).toEqual([200, 'eu-west-1', 2]);
  const stale = { body: { position: 5 }, token: api.tokens.admin, headers: { 'If-Match': '"1"' } };
  expectProblem(await api.call('PATCH', one, stale), 412, 'PRECONDITION_FAILED');
  expect((await ps.get(`/deployments/${added.json.id}`)).json).toEqual(changed.json);

  expect((await api.call('DELETE', one, { token: api.tokens.admin })).status).toBe(204);
  expectProblem(await api.call('DELETE', one, { token: api.tokens.admin }), 404, 'NOT_FOUND');
  expect(await names()).toEqual(['canary', 'main']);
});

test('an Idempotency-Key adds one, however often it is sent', async () => {
  const key = { 'Idempotency-Key': randomUUID() };
  const first = await add(place(), key);
  const again = await add(place(), key);
  expect([again.status, again.json, again.headers.get('idempotency-replayed')]).toEqual([201, first.json, 'true']);
  expectProblem(await add(place({ name: 'eu-2' }), key), 422, 'IDEMPOTENCY_KEY_REUSED');
  expect(await names()).toEqual(['main', 'eu-1']);
});

test('what another has is not added', async () => {
  expect((await add(place())).status).toBe(201);
  expectProblem(await add(place({ schema: 'other' })), 409, 'CONFLICT');
  expectProblem(await add(place({ name: 'eu-2' })), 409, 'CONFLICT');
  const { schema, server } = (await ps.get('/deployments')).json.deployments[0];
  expectProblem(await add(place({ name: 'eu-3', server, schema })), 409, 'CONFLICT');
  expectProblem(await add(place({ name: 'eu-4', server: 'postgres-url' })), 400, 'INVALID_INPUT');
  expect(await names()).toEqual(['main', 'eu-1']);
});

test('the default branch’s own stays, and none comes or goes while a deploy is under way', async () => {
  const { id } = (await add(place())).json;
  const [own] = (await ps.get('/deployments')).json.deployments;
  const remove = (which: string) => api.call('DELETE', path(`/${which}`), { token: api.tokens.admin });
  expectProblem(await remove(own.id as string), 409, 'STATE_CONFLICT');
  await ps.request('in_progress');
  expectProblem(await remove(id as string), 409, 'STATE_CONFLICT');
  expectProblem(await add(place({ name: 'eu-2', schema: 'b' })), 409, 'STATE_CONFLICT');
  expect(await names()).toEqual(['main', 'eu-1']);
});

test('whose schema it is, only somebody says who may see everybody’s', async () => {
  const own = await api.token('admin', ps.organizationId);
  expectProblem(await add(place(), {}, own), 403, 'FORBIDDEN');
  expectProblem(await add(place(), {}, api.tokens.operate), 403, 'FORBIDDEN');
  expect(await names()).toEqual([]);
});

test.each([
  { name: '../x' },
  { name: 'A' },
  { name: 'x'.repeat(64) },
  { name: '' },
  { environment: 'a,b' },
  { environment: null },
  { server: '/etc/passwd' },
  { server: 'file:../x' },
  { schema: 'a`; DROP TABLE x' },
  { schema: '' },
  { state: 'ready' },
  { position: 3 },
  { __proto__x: 1 },
])('%j is refused', async (changes) => {
  expectProblem(await add(place(changes)), 400, 'INVALID_INPUT');
});

test.each([
  { environments: ['a', 'a'] },
  { environments: ['A'] },
  { environments: 'staging' },
  { on_failure: 'stop' },
  { cutover: 'parallel' },
  { copies: 0 },
  { copies: 1e9 },
  { copies: 1.5 },
  { other: true },
])('rollouts cannot be set to %j', async (rollout) => {
  const reply = await ps.call('PATCH', ps.at(), { rollout });
  expect([reply.status, reply.json.code]).toEqual([422, 'invalid_params']);
});

test('PlanetScale’s clients know them as shards of what goes into the default branch', async () => {
  const alone = await ps.get('/branches/main');
  expect(alone.json).toMatchObject({ sharded: false, shard_count: 1 });
  const world = await RolloutWorld.of(api);
  const shown = async (of: string) => (await world.ps.get(of)).json;
  expect(await shown('/branches/main')).toMatchObject({ sharded: true, shard_count: 3 });
  expect(await shown('/branches/dev')).toMatchObject({ sharded: false, shard_count: 1 });
  expect((await shown('/branches/main/keyspaces')).data[0]).toMatchObject({ sharded: true, shards: 3 });
  expect(await shown('')).toMatchObject({ sharded: true, default_branch_shard_count: 3 });
});
