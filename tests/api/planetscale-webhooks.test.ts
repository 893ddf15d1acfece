import { createHmac } from 'node:crypto';
import { eventually, TestApi } from './support/api';
import { expectError, Planetscale } from './support/planetscale';
import { Receiver } from './support/receiver';

/* Whoever is told of a database's deploy requests is told of each event once, signed as PlanetScale signs. */

let api: TestApi;
let ps: Planetscale;
let receiver: Receiver;
beforeEach(async () => {
  receiver = await Receiver.listen();
  api = await TestApi.start({ webhookNetworks: ['127.0.0.0/8'] });
  ps = await Planetscale.of(api);
  await ps.database();
});
afterEach(async () => {
  await api.close();
  await receiver.close();
});

async function register(body: object = {}) {
  const { json, status } = await ps.post('/webhooks', { url: receiver.url, ...body });
  expect(status).toBe(201);
  return json as { id: string; secret: string };
}

/** The events that arrived, once there are as many. */
const arrived = (count: number): Promise<Record<string, unknown>[]> =>
  eventually(
    () =>
      receiver.received.length >= count &&
      receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>),
  );

test('the whole life of a request is told, in order of what happened', async () => {
  await register();
  const { id } = await ps.request('complete_pending_revert');
  await api.store.deploys.requests.move(ps.organizationId, id, 'revert');
  await api.store.deploys.requests.move(ps.organizationId, id, 'reverted');
  const events = await arrived(6);
  expect(events.map(({ event }) => event).sort()).toEqual([
    'deploy_request.in_progress',
    'deploy_request.opened',
    'deploy_request.pending_cutover',
    'deploy_request.queued',
    'deploy_request.reverted',
    'deploy_request.schema_applied',
  ]);
  const states = Object.fromEntries(
    events.map((each) => [each['event'], (each['resource'] as { deployment_state: string }).deployment_state]),
  );
  expect(states).toMatchObject({
    'deploy_request.opened': 'pending',
    'deploy_request.schema_applied': 'complete_pending_revert',
    'deploy_request.reverted': 'complete_revert',
  });
  expect(events[0]).toMatchObject({
    timestamp: expect.any(Number),
    organization: ps.organizationId,
    database: 'shop',
    resource: { number: 1, branch: 'dev', into_branch: 'main' },
  });
});

test('a failed check, a failed deploy and a closed request are told', async () => {
  await register({ events: ['deploy_request.errored', 'deploy_request.closed'] });
  await ps.request('error');
  await ps.request('complete_error');
  const { number } = await ps.request();
  await ps.call('PATCH', ps.at(`/deploy-requests/${number}`), { state: 'closed' });
  const events = await arrived(3);
  expect(events.map(({ event, resource }) => [event, (resource as { number: number }).number]).sort()).toEqual([
    ['deploy_request.closed', 3],
    ['deploy_request.errored', 1],
    ['deploy_request.errored', 2],
  ]);
});

test('a branch that is ready is told', async () => {
  await register({ events: ['branch.ready'] });
  await ps.post('/branches', { name: 'feature', parent_branch: 'main' });
  expect((await arrived(1))[0]).toMatchObject({ event: 'branch.ready', resource: { name: 'feature' } });
});

test('deliveries are signed with the secret, which is shown once', async () => {
  const { id, secret } = await register({ events: [] });
  expect((await ps.post(`/webhooks/${id}/test`)).status).toBe(204);
  const [event] = await arrived(1);
  expect(event).toMatchObject({ event: 'webhook.test', resource: { id, type: 'Webhook' } });
  const { headers, body } = receiver.received[0]!;
  expect(headers['x-planetscale-signature']).toBe(createHmac('sha256', secret).update(body).digest('hex'));
  expect(headers['gatewright-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  const shown = await eventually(async () => {
    const { json } = await ps.get(`/webhooks/${id}`);
    return json.last_sent_success !== null && json;
  });
  expect(shown).toMatchObject({ secret: '', last_sent_success: true, last_sent_result: 'answered 200' });
  expect(JSON.stringify(await api.store.webhooks.get(id))).not.toContain(secret);
});

test('one that is disabled, or of another database, is told nothing', async () => {
  await ps.database('other');
  expect((await ps.post('/webhooks', { url: receiver.url }, 'other')).status).toBe(201);
  const { id } = await register();
  expect((await ps.call('PATCH', ps.at(`/webhooks/${id}`), { enabled: false })).json.enabled).toBe(false);
  await ps.request();
  await ps.call('PATCH', ps.at(`/webhooks/${id}`), { enabled: true, events: ['deploy_request.closed'] });
  await ps.call('PATCH', ps.at('/deploy-requests/1'), { state: 'closed' });
  expect((await arrived(1)).map(({ event }) => event)).toEqual(['deploy_request.closed']);
});

test('our own webhooks, which are told of runs, know nothing of them, and the other way round', async () => {
  const { id } = await register();
  const own = await api.call('GET', '/webhooks', { token: api.tokens.admin });
  expect(own.json.webhooks).toEqual([]);
  expect((await api.call('GET', `/webhooks/${id}/deliveries`, { token: api.tokens.admin })).status).toBe(404);
  expect((await api.call('DELETE', `/webhooks/${id}`, { token: api.tokens.admin })).status).toBe(404);
});

test('addresses inside are refused', async () => {
  for (const url of ['http://169.254.169.254/', 'http://10.0.0.1/', 'file:///etc/passwd', 'http://u:p@127.0.0.1/'])
    expectError(await ps.post('/webhooks', { url }), 400, 'invalid_params');
  const { id } = await register();
  expectError(await ps.call('PATCH', ps.at(`/webhooks/${id}`), { url: 'http://10.0.0.1/' }), 400);
});

test('there are ten at most, and they go with their database', async () => {
  for (let n = 0; n < 10; n++) await register();
  expectError(await ps.post('/webhooks', { url: receiver.url }), 422);
  const { id } = (await api.store.deploys.databases.named(ps.organizationId, 'shop'))!;
  expect((await ps.call('DELETE', ps.at())).status).toBe(204);
  expect(await api.store.webhooks.ofDatabase(ps.organizationId, id)).toEqual([]);
});
