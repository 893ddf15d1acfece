import { randomUUID } from 'node:crypto';
import { startRunId } from '../../domain/gateway/contract';
import { expectProblem, TestApi, type Reply } from './support/api';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

const organization = randomUUID();
const start = (headers: Record<string, string> = {}): Promise<Reply> =>
  api.post('/gateway/start', { organization_id: organization }, headers);
const stop = (body: object = { organization_id: organization }): Promise<Reply> => api.post('/gateway/stop', body);

/** A promise that a test fulfils. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

test('a start answers with the host name once the gateway is up', async () => {
  await api.replica();
  const reply = await start();
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({
    gateway_hostname: `org-${organization}.gw.test`,
    organization_id: organization,
    run_id: startRunId(reply.json.allocation_id),
    state: 'live',
    epoch: 1,
  });
});

test('an organization that has a gateway gets the same answer, without another run', async () => {
  await api.replica();
  const first = await start();
  const second = await start();
  expect([second.status, second.json]).toEqual([200, first.json]);
  expect(api.engine.starts).toHaveLength(1);
});

test('an empty pool is 503 with Retry-After and the fixed body', async () => {
  const reply = await start();
  expectProblem(reply, 503, 'POOL_EMPTY');
  expect(reply.json.error).toBe('No available gateways in pool. Try again later.');
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('a failed start is 500 with the original message, its code and its run', async () => {
  api.engine.script = (id, input) => api.engine.fail(id, input, 'HANDSHAKE_FAILED', 'the replica answered 418');
  const reply = await start();
  expectProblem({ ...reply, json: { ...reply.json } }, 500, 'HANDSHAKE_FAILED');
  expect(reply.json).toMatchObject({
    error: 'Failed to start gateway',
    details: 'the replica answered 418',
    run_id: api.engine.starts[0],
  });
});

test('a start whose undo is stuck answers with the original error at once, not the undo’s', async () => {
  api.engine.script = (id, input) => api.engine.stick(id, input, 'HANDSHAKE_TIMEOUT', 'no answer within 2,000 ms');
  const reply = await start();
  expect(reply.status).toBe(500);
  expect(reply.json).toMatchObject({
    code: 'HANDSHAKE_TIMEOUT',
    details: 'no answer within 2,000 ms',
    needs_attention: true,
  });
});

test('a bug’s message is not shown', async () => {
  api.engine.script = () =>
    Promise.resolve({ ok: false, code: 'INTERNAL', message: 'canary-7f3a at /srv/x.ts', data: {} });
  const reply = await start();
  expect(reply.json).toMatchObject({ status: 500, code: 'INTERNAL', error: 'Failed to start gateway' });
  expect(reply.text).not.toContain('canary');
});

test('a cancelled start is 409', async () => {
  api.engine.script = (id, input) => api.engine.fail(id, input, 'CANCELLED', 'cancelled');
  expectProblem(await start(), 409, 'CANCELLED');
});

test('respond-async is answered 202 with the run’s address, which can be read before its first step', async () => {
  const held = gate();
  api.engine.script = async (id, input) => {
    await held.opened;
    return await api.engine.succeed(id, input);
  };
  const reply = await start({ Prefer: 'respond-async' });
  expect(reply.status).toBe(202);
  expect(reply.headers.get('preference-applied')).toBe('respond-async');
  expect(reply.json).not.toHaveProperty('gateway_hostname');
  const address = reply.headers.get('location')!;
  expect(address).toBe(`/runs/${reply.json.run_id}`);
  const known = { kind: 'gateway.start', organizationId: organization, startedAt: new Date(), running: true } as const;
  api.engine.unwritten.set(reply.json.run_id, known);
  expect((await api.call('GET', address)).json).toMatchObject({ state: 'running', allowed: ['cancel'] });
  held.open();
  await api.engine.outcome(reply.json.run_id, new AbortController().signal);
});

test('a start that takes too long is 202, and the next one joins it', async () => {
  const held = gate();
  await api.replica();
  api.engine.script = async (id, input) => {
    await api.store.pool.allocate({
      allocationId: input.allocationId,
      organizationId: organization,
      hostname: `org-${organization}.gw.test`,
      runId: id,
    });
    await held.opened;
    return await api.engine.succeed(id, input);
  };
  const first = await start({ Prefer: 'wait=0' });
  expect(first.status).toBe(202);
  const second = start();
  held.open();
  expect((await second).json).toMatchObject({ run_id: first.json.run_id, state: 'live' });
  expect(api.engine.starts).toHaveLength(1);
});

test('of two starts that race, both answer with the one gateway', async () => {
  await api.replica();
  await api.replica();
  const both = gate();
  let begun = 0;
  api.engine.script = async (id, input) => {
    if (++begun === 2) both.open();
    await both.opened;
    return await api.engine.succeed(id, input);
  };
  const [one, other] = await Promise.all([start(), start()]);
  expect(api.engine.starts).toHaveLength(2);
  expect([one.status, other.status]).toEqual([200, 200]);
  expect(one.json).toEqual(other.json);
});

test('n + 1 organizations on n replicas: exactly one 503', async () => {
  for (let i = 0; i < 5; i++) await api.replica();
  const organizations = Array.from({ length: 6 }, () => randomUUID());
  const replies = await Promise.all(organizations.map((id) => api.post('/gateway/start', { organization_id: id })));
  expect(replies.map((each) => each.status).sort()).toEqual([200, 200, 200, 200, 200, 503]);
  expect(new Set(replies.map((each) => each.json.replica_id)).size).toBe(6);
});

test('a plan names every step and how it is taken back, and touches nothing', async () => {
  const reply = await api.post(
    '/gateway/start?validateOnly=true',
    { organization_id: organization },
    { 'Idempotency-Key': 'k' },
  );
  expect(reply.status).toBe(200);
  expect(reply.json.steps.map((step: { name: string; undo: { kind: string } }) => [step.name, step.undo.kind])).toEqual(
    [
      ['allocate', 'undo'],
      ['dns', 'undo'],
      ['route', 'undo'],
      ['reload', 'nothing'],
      ['handshake', 'undo'],
    ],
  );
  expect(api.engine.starts).toEqual([]);
  const body = { organization_id: organization };
  expectProblem(
    await api.call('POST', '/gateway/start', { body, headers: { 'Idempotency-Key': 'k' } }),
    503,
    'POOL_EMPTY',
  );
});

test('stop takes the gateway down; again by its id it is the same; by its organization nothing is held', async () => {
  await api.replica();
  const { allocation_id } = (await start()).json;
  const stopped = await stop();
  expect(stopped.json).toMatchObject({ state: 'released', allocation_id, run_id: `gateway-stop-${allocation_id}` });
  expect((await stop({ allocation_id })).json).toEqual(stopped.json);
  expect(api.engine.stops).toHaveLength(1);
  expectProblem(await stop(), 404, 'NOT_FOUND');
  expectProblem(await stop({ allocation_id: randomUUID() }), 404, 'NOT_FOUND');
});

test.each([[{}], [{ organization_id: organization, allocation_id: randomUUID() }]])('stop of %j: 400', async (body) => {
  expectProblem(await stop(body), 400, 'INVALID_INPUT');
});

test('what is starting cannot be stopped, and what is stopping cannot be started: 409 with what is allowed', async () => {
  await api.replica();
  const input = { organizationId: organization, hostname: `org-${organization}.gw.test` };
  const allocationId = randomUUID();
  await api.store.pool.allocate({ ...input, allocationId, runId: startRunId(allocationId) });
  const busy = await stop();
  expectProblem(busy, 409, 'STATE_CONFLICT');
  expect(busy.json).toMatchObject({ allowed: ['cancel'], run_id: startRunId(allocationId) });
  await api.store.pool.move(allocationId, ['starting'], 'live');
  await api.store.pool.move(allocationId, ['live'], 'stopping');
  expectProblem(await start(), 409, 'STATE_CONFLICT');
});

test('a stop after one that was taken back is a run of its own', async () => {
  await api.replica();
  const { allocation_id } = (await start()).json;
  const first = `gateway-stop-${allocation_id}`;
  const error = { code: 'EDGE_NOT_LIVE', message: 'edge-1' } as const;
  await api.engine.notes(first, organization, 'gateway.stop')({ type: 'run.state', state: 'rolled_back', error });
  expect((await stop()).json.run_id).toBe(`${first}-2`);
  expect((await api.call('GET', `/runs/${first}`)).json.state).toBe('rolled_back');
});

test('while Temporal is away: 503 with Retry-After, nothing begun, and what the store knows is still told', async () => {
  await api.replica();
  api.engine.away = true;
  const reply = await start();
  expectProblem(reply, 503, 'ENGINE_UNAVAILABLE');
  expect(reply.headers.get('retry-after')).not.toBeNull();
  expect(reply.text).not.toContain('10.9.8.7');
  expect(await api.store.pool.openAllocation(organization)).toBeNull();
  expect((await api.call('GET', '/runs')).status).toBe(200);
  const ready = await api.call('GET', '/readyz', { token: null });
  expectProblem(ready, 503, 'NOT_READY');
  expect(ready.json.components).toContainEqual({ name: 'temporal', ready: false, detail: 'does not answer' });
  expect((await api.call('GET', '/healthz', { token: null })).status).toBe(200);
});

test('an API that closes answers 202 to those who wait', async () => {
  api.engine.script = () => new Promise(() => undefined);
  const waiting = start();
  while (api.engine.starts.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closing = api.service.close();
  expect((await waiting).status).toBe(202);
  await closing;
});
