import { expectProblem, TestApi, type Reply } from './support/api';
import { RolloutWorld } from './support/rollouts';

/* Who keeps others from changing the schema of which deployments. */

let api: TestApi;
let world: RolloutWorld;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await RolloutWorld.of(api);
});

const take = (body: object, token?: string): Promise<Reply> => world.call('POST', '/locks', body, token);
const give = (query = '', token?: string): Promise<Reply> => world.call('DELETE', `/locks${query}`, undefined, token);
const held = async (): Promise<[string, unknown[]][]> =>
  (await world.get('/locks')).json.locks.map((lock: { owner: string; deployments: { name: string }[] }) => [
    lock.owner.replace(/ \(.*/, ''),
    lock.deployments.map(({ name }) => name),
  ]);

test('are taken, kept when they are taken again, and given back', async () => {
  const first = await take({ deployments: ['eu-1'] });
  expect([first.status, first.json.had, first.json.lost]).toEqual([200, false, []]);
  expect(first.json.lock).toMatchObject({ age_seconds: 0, forced: null });
  const again = await take({ deployments: ['eu-1'] });
  expect([again.json.had, again.json.lock.acquired_at]).toEqual([true, first.json.lock.acquired_at]);
  expect(await held()).toEqual([['test operate', ['eu-1']]]);
  expect((await give('?deployments=eu-1')).status).toBe(204);
  expect((await give()).status).toBe(204);
  expect(await held()).toEqual([]);
});

test('of others are told of, and are not taken or given back', async () => {
  await take({ deployments: ['eu-1', 'us-1'] }, world.ps.tokens.admin);
  const refused = await take({ deployments: ['us-1', 'main'] });
  expectProblem(refused, 409, 'LOCK_HELD');
  expect(refused.json).toMatchObject({ owner: expect.stringMatching(/^test admin/), allowed: ['force'] });
  expectProblem(await give('?deployments=us-1'), 409, 'LOCK_HELD');
  expect((await take({ deployments: ['main'] })).status).toBe(200);
});

test('are taken by force by an admin who says why', async () => {
  await take({ deployments: ['eu-1'] });
  expectProblem(await take({ force: true, reason: 'an incident' }), 403, 'FORBIDDEN');
  expectProblem(await take({ force: true }, world.ps.tokens.admin), 400, 'INVALID_INPUT');
  expectProblem(await take({ force: true, reason: ' ' }, world.ps.tokens.admin), 400, 'INVALID_INPUT');
  expect(await held()).toEqual([['test operate', ['eu-1']]]);
  const forced = await take({ force: true, reason: 'an incident' }, world.ps.tokens.admin);
  expect(forced.json.lost).toHaveLength(1);
  expect(forced.json.lock).toMatchObject({
    forced: { reason: 'an incident', from: [expect.stringMatching(/^test operate/)] },
  });
  expect(await held()).toEqual([['test admin', []]]);
});

test.each([
  { deployments: ['nowhere'] },
  { deployments: 'eu-1' },
  { deployments: ['../main'] },
  { owner: 'deploy request #1' },
  { force: 'yes' },
  { force: true, reason: '\u001b[2J' },
])('%j is refused', async (body) => {
  expectProblem(await take(body, world.ps.tokens.admin), 400, 'INVALID_INPUT');
  expect(await held()).toEqual([]);
});

test('a deployment of nobody’s is not given back', async () => {
  for (const query of ['?deployments=nowhere', '?deployments=', '?force=1', '?owner=x'])
    expectProblem(await give(query), 400, 'INVALID_INPUT');
});
