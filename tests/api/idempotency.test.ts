import { randomUUID } from 'node:crypto';
import { eventually, expectProblem, TestApi, type Reply } from './support/api';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start({ waitMs: 300, limits: { idempotencyGraceMs: 0 } });
});
afterEach(() => api.close());

const organization = randomUUID();
const start = (key: string, body: object = { organization_id: organization }, headers = {}): Promise<Reply> =>
  api.post('/gateway/start', body, { 'Idempotency-Key': key, ...headers });

test('the same key and body get the same answer, byte for byte, also when the gateway is gone', async () => {
  await api.replica();
  const first = await start('one');
  expect(first.status).toBe(200);
  await api.post('/gateway/stop', { organization_id: organization });
  const again = await start('one');
  expect([again.status, again.text]).toEqual([200, first.text]);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(api.engine.starts).toHaveLength(1);
});

test('a failed start is kept: the answer and its run stay the same', async () => {
  api.engine.script = (id, input) => api.engine.fail(id, input, 'HANDSHAKE_FAILED', 'no');
  const first = await start('bad');
  const again = await start('bad');
  expect([again.status, again.text]).toEqual([500, first.text]);
  expect(again.headers.get('content-type')).toMatch(/problem\+json/);
  expect(api.engine.starts).toHaveLength(1);
});

test('202 is kept with its Location', async () => {
  await api.replica();
  const async = { Prefer: 'respond-async' };
  const first = await start('later', undefined, async);
  const again = await start('later', undefined, async);
  expect([again.status, again.text, again.headers.get('location')]).toEqual([
    202,
    first.text,
    first.headers.get('location'),
  ]);
});

test('the same key with another body is 422', async () => {
  await api.replica();
  const both = { organization_id: organization };
  expect((await api.post('/gateway/stop', both, { 'Idempotency-Key': 'k' })).status).toBe(404);
  const first = await start('k');
  expect(first.status).toBe(200);
  const stop = (body: object): Promise<Reply> => api.post('/gateway/stop', body, { 'Idempotency-Key': 's' });
  expect((await stop({ allocation_id: first.json.allocation_id })).status).toBe(200);
  expect((await stop({ allocation_id: first.json.allocation_id })).status).toBe(200);
  expectProblem(await stop({ organization_id: organization }), 422, 'IDEMPOTENCY_KEY_REUSED');
});

test('the same key of another token or organization is another key', async () => {
  await api.replica();
  await api.replica();
  const mine = await start('shared');
  const other = randomUUID();
  const theirs = await start('shared', { organization_id: other });
  expect(theirs.json.organization_id).toBe(other);
  const token = await api.token('operate', organization);
  const body = { organization_id: organization };
  const elsewhere = await api.call('POST', '/gateway/start', { token, body, headers: { 'Idempotency-Key': 'shared' } });
  expect(elsewhere.headers.get('idempotency-replayed')).toBeNull();
  expect(elsewhere.json).toEqual(mine.json);
});

test('while it is being answered, the same request is 409 with Retry-After', async () => {
  api.engine.script = () => new Promise(() => undefined);
  const first = start('busy');
  await eventually(() => api.engine.starts.length === 1);
  const second = await start('busy');
  expectProblem(second, 409, 'IDEMPOTENCY_KEY_IN_FLIGHT');
  expect(second.headers.get('retry-after')).not.toBeNull();
  expect((await first).status).toBe(202);
});

test('after a crash between start and answer, the repeat finds the same run', async () => {
  await api.replica();
  let finish: ((fail: Error) => void) | undefined;
  const original = api.store.idempotency.finish.bind(api.store.idempotency);
  const crash = jest
    .spyOn(api.store.idempotency, 'finish')
    .mockImplementation(() => new Promise((_, reject) => (finish = reject)));
  const lost = start('crash').catch(() => undefined);
  await eventually(() => finish !== undefined);
  crash.mockImplementation(original);
  const repeat = await eventually(async () => {
    const reply = await start('crash');
    return reply.status !== 409 && reply;
  });
  expect(repeat.status).toBe(200);
  expect(repeat.json.run_id).toBe(api.engine.starts[0]);
  expect(api.engine.starts).toHaveLength(1);
  finish!(new Error('gone'));
  await lost;
});

test('a 503 is not kept: an empty pool with a new run, Temporal away with the same', async () => {
  expectProblem(await start('retry'), 503, 'POOL_EMPTY');
  await api.replica();
  const up = await start('retry');
  expect(up.status).toBe(200);
  expect(api.engine.starts).toHaveLength(2);

  const other = { organization_id: randomUUID() };
  await api.replica();
  api.engine.away = true;
  expectProblem(await start('away', other), 503, 'ENGINE_UNAVAILABLE');
  api.engine.away = false;
  expect((await start('away', other)).status).toBe(200);
});

test('a key that met a conflict can be used when that is over', async () => {
  await api.replica();
  const { allocation_id } = (await start('first')).json;
  await api.store.pool.move(allocation_id, ['live'], 'stopping');
  expectProblem(await start('second'), 409, 'STATE_CONFLICT');
  await api.store.pool.release({ allocationId: allocation_id, organizationId: organization, runId: 'x' });
  expect((await start('second')).status).toBe(200);
});
