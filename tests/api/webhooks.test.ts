import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { backoff, MAX_ATTEMPTS } from '../../api/webhooks/dispatcher';
import { Targets } from '../../api/webhooks/target';
import { eventually, expectProblem, TestApi } from './support/api';
import { Receiver } from './support/receiver';

const organization = randomUUID();
const secret = 'canary-webhook-secret';

let api: TestApi;
let receiver: Receiver;
let now: Date;
beforeEach(async () => {
  now = new Date();
  receiver = await Receiver.listen();
  api = await TestApi.start({ webhookNetworks: ['127.0.0.0/8'], now: () => now });
});
afterEach(async () => {
  await api.close();
  await receiver.close();
});

const register = (body: object = {}) =>
  api.call('POST', '/webhooks', { token: api.tokens.admin, body: { url: receiver.url, secret, ...body } });

async function failingRun(organizationId = organization): Promise<string> {
  api.engine.script = (id, input) => api.engine.fail(id, input, 'HANDSHAKE_FAILED', 'refused');
  return (await api.post('/gateway/start', { organization_id: organizationId })).json.run_id;
}

test('a run that was taken back is told of, signed, and the delivery is in the log', async () => {
  const { json: hook } = await register();
  expect(JSON.stringify(hook)).not.toContain(secret);
  const id = await failingRun();
  const { headers, body } = await eventually(() => receiver.received[0]);
  const message = JSON.parse(body) as Record<string, unknown>;
  expect(message).toMatchObject({
    event: 'run.rolled_back',
    run: { id, kind: 'gateway.start', organization_id: organization, state: 'rolled_back' },
    error: { code: 'HANDSHAKE_FAILED', message: 'refused' },
  });
  expect(headers).toMatchObject({ 'gatewright-event': 'run.rolled_back', 'gatewright-delivery': message['id'] });
  const [, time, proof] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['gatewright-signature'] as string)!;
  expect(proof).toBe(createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'));
  const log = await eventually(async () => {
    const { json } = await api.call('GET', `/webhooks/${hook.id}/deliveries`, { token: api.tokens.admin });
    return json.deliveries[0]?.state === 'delivered' && json.deliveries;
  });
  expect(log).toMatchObject([
    { event: 'run.rolled_back', run_id: id, attempts: 1, last_status: 200, last_error: null },
  ]);
});

test('attention and decisions are told of; success is not, nor what was not asked for', async () => {
  await register({ events: ['run.needs_attention', 'run.resolved'] });
  await failingRun();
  const note = api.engine.notes(`gateway-start-${randomUUID()}`, organization);
  const error = { code: 'DNS_REFUSED', message: 'no' } as const;
  await note({ type: 'run.state', state: 'needs_attention', stuck: [{ step: 'dns', error }], severity: 'warning' });
  const resolution = { action: 'skip', by: 'me', reason: 'because', at: now.toISOString() } as const;
  await note({ type: 'step.resolved', step: 'dns', resolution });
  await api.engine.notes(`gateway-start-${randomUUID()}`, organization)({ type: 'run.state', state: 'succeeded' });
  await eventually(() => receiver.received.length === 2);
  const told = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(told.find((each) => each['event'] === 'run.needs_attention')).toMatchObject({
    stuck: [{ step: 'dns', error }],
  });
  expect(told.find((each) => each['event'] === 'run.resolved')).toMatchObject({ step: 'dns', resolution });
});

test('a delivery that is not taken is repeated later, with the same id and a new signature', async () => {
  const { json: hook } = await register();
  receiver.statuses = [500];
  await failingRun();
  await eventually(() => receiver.received.length === 1);
  const pending = await eventually(async () => {
    const [delivery] = await api.store.webhooks.deliveries(hook.id, 1);
    return delivery?.attempts === 1 && delivery;
  });
  expect(pending).toMatchObject({ state: 'pending', lastStatus: 500, lastError: 'answered 500' });
  expect(pending.nextAttemptAt!.getTime()).toBeGreaterThan(now.getTime());
});

test('redirects are refused', async () => {
  const { json: hook } = await register();
  receiver.statuses = [302];
  await failingRun();
  const [delivery] = await eventually(async () => {
    const all = await api.store.webhooks.deliveries(hook.id, 1);
    return all[0]?.attempts === 1 && all;
  });
  expect(delivery).toMatchObject({ lastStatus: 302, lastError: 'redirects are not followed' });
});

test('the waits grow and end, after the ten and a half hours that the documents name', () => {
  const waits = Array.from({ length: MAX_ATTEMPTS }, (_, i) => backoff(i + 1, () => 0.5));
  expect(waits.slice(0, 3)).toEqual([5_000, 15_000, 45_000]);
  expect(waits.at(-1)).toBeUndefined();
  const lasting = waits.slice(0, -1).map((each) => each!);
  expect(Math.max(...lasting)).toBe(6 * 60 * 60 * 1000);
  expect(lasting.reduce((sum, each) => sum + each)).toBe(38_000_000); // 10 h 33 min
});

test('a webhook of one organization hears of that organization only; a removed one of nothing', async () => {
  const mine = await register({ organization_id: organization });
  await failingRun(randomUUID());
  const id = await failingRun();
  await eventually(() => receiver.received.length > 0);
  expect(receiver.received.map(({ body }) => (JSON.parse(body) as { run: { id: string } }).run.id)).toEqual([id]);
  const token = api.tokens.admin;
  expect((await api.call('DELETE', `/webhooks/${mine.json.id}`, { token })).status).toBe(204);
  expectProblem(await api.call('DELETE', `/webhooks/${mine.json.id}`, { token }), 404, 'NOT_FOUND');
  expect((await api.call('GET', '/webhooks', { token })).json.webhooks).toEqual([]);
});

test('the signing secret is sealed in the store, with a key that only we can read', async () => {
  const { json: hook } = await register();
  const stored = await api.store.webhooks.get(hook.id);
  expect(stored!.secret).not.toContain(secret);
  const key = join(api.settings.secretsDirectory, 'webhook-seal.key');
  expect(statSync(key).mode & 0o777).toBe(0o600);
  expect(readFileSync(key, 'utf8')).toMatch(/^[0-9a-f]{64}$/);
});

describe('where webhooks may go', () => {
  test.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'http://user:pass@example.com/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://192.168.1.1/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[64:ff9b::a00:1]/',
    'http://[2002:a00:1::]/',
    'http://0x0a000001/',
    'http://167772161/',
    'http://012.0.0.1/',
    'http://10.1/',
    'not a url',
    'javascript:alert(1)',
    'https://this-name-does-not-exist.invalid/',
  ])('%s is refused', async (url) => {
    expectProblem(await register({ url }), 400, 'ADDRESS_REFUSED');
    expect(await api.store.webhooks.list()).toEqual([]);
  });

  test('loopback is refused where no setting names it, in every spelling', () => {
    const targets = new Targets([]);
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0177.0.0.1',
      '0x7f.1',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      '[::]',
    ])
      expect(() => targets.url(`http://${host}/`)).toThrow(expect.objectContaining({ code: 'ADDRESS_REFUSED' }));
    expect(targets.url('https://93.184.215.14/').host).toBe('93.184.215.14');
    expect(targets.url('https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/').protocol).toBe('https:');
  });

  test('a name that leads inside is refused when it is connected to, whatever it led to before', async () => {
    const targets = new Targets([]);
    const answer = await new Promise((resolve) =>
      targets.lookup('localhost', { all: true }, (error) => resolve(error)),
    );
    expect(answer).toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('an address that was allowed once is checked at each delivery', async () => {
    const hook = await api.store.webhooks.create({
      id: randomUUID(),
      url: 'http://10.0.0.1/',
      secret: 'never opened',
      events: ['run.rolled_back'],
      organizationId: null,
    });
    await failingRun();
    const failed = await eventually(async () => {
      const [delivery] = await api.store.webhooks.deliveries(hook.id, 1);
      return delivery?.attempts === 1 && delivery;
    });
    expect(failed).toMatchObject({ state: 'pending', lastStatus: null, lastError: expect.stringMatching(/./) });
  });
});
