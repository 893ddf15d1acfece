import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { expectProblem, TestApi } from './support/api';
import { attempt } from './support/fake-engine';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

const organization = randomUUID();

async function stuckRun(): Promise<string> {
  api.engine.script = (id, input) => api.engine.stick(id, input, 'HANDSHAKE_FAILED', 'refused');
  return (await api.post('/gateway/start', { organization_id: organization })).json.run_id;
}

test('runs are listed newest first, page by page, and filtered', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 7; i++) {
    const id = `gateway-start-${randomUUID()}`;
    const state = i % 2 ? ('succeeded' as const) : ('rolled_back' as const);
    await api.engine.notes(id, organization)({ type: 'run.state', state });
    ids.unshift(id);
    // Each begins in a millisecond of its own, so that one is newer than the other.
    const began = Date.now();
    while (Date.now() === began) await setImmediate();
  }
  const seen: string[] = [];
  let next = '/runs?page_size=3';
  for (let pages = 0; pages < 4; pages++) {
    const { runs, next_page_token } = (await api.call('GET', next)).json;
    seen.push(...runs.map((run: { id: string }) => run.id));
    if (next_page_token === null) break;
    next = `/runs?page_size=3&page_token=${encodeURIComponent(next_page_token)}`;
  }
  expect(seen).toEqual(ids);
  const succeeded = (await api.call('GET', `/runs?state=succeeded&organization=${organization}&kind=gateway.start`))
    .json;
  expect(succeeded.runs).toHaveLength(3);
  expect((await api.call('GET', `/runs?organization=${randomUUID()}`)).json.runs).toEqual([]);
  expect((await api.call('GET', '/runs?needs_attention=true')).json.runs).toEqual([]);
});

test('a run shows every step with do and undo, attempts, times and errors', async () => {
  const id = `gateway-start-${randomUUID()}`;
  const note = api.engine.notes(id, organization);
  await note({ type: 'attempt.started', ...attempt('allocate', 'do') });
  await note({ type: 'attempt.ended', ...attempt('allocate', 'do'), outcome: 'succeeded' });
  await note({ type: 'attempt.started', ...attempt('dns', 'do') });
  const error = { code: 'DNS_UNAVAILABLE', message: 'connection refused' } as const;
  await note({ type: 'attempt.ended', ...attempt('dns', 'do'), outcome: 'failed', error });
  await note({ type: 'attempt.started', ...attempt('dns', 'do', 2) });
  const { json } = await api.call('GET', `/runs/${id}`);
  expect(json).toMatchObject({
    id,
    kind: 'gateway.start',
    organization_id: organization,
    state: 'running',
    allowed: ['cancel'],
  });
  expect(json.steps.map((step: { name: string; state: string }) => [step.name, step.state])).toEqual([
    ['allocate', 'done'],
    ['dns', 'running'],
    ['route', 'pending'],
    ['reload', 'pending'],
    ['handshake', 'pending'],
  ]);
  expect(json.steps[1].do.attempts).toMatchObject([
    { attempt: 1, outcome: 'failed', error, worker: 'worker-1' },
    { attempt: 2, outcome: null, ended_at: null },
  ]);
  expect(json.steps[1].undo).toMatchObject({ kind: 'undo', state: 'pending', attempts: [] });
});

test('cancel asks the run to be taken back; one that has ended is 409 with what is allowed', async () => {
  const id = `gateway-start-${randomUUID()}`;
  const note = api.engine.notes(id, organization);
  await note({ type: 'attempt.started', ...attempt('allocate', 'do') });
  const reply = await api.call('POST', `/runs/${id}/cancel`);
  expect([reply.status, reply.headers.get('location'), api.engine.cancelled]).toEqual([202, `/runs/${id}`, [id]]);
  await note({ type: 'run.state', state: 'rolled_back' });
  const late = await api.call('POST', `/runs/${id}/cancel`);
  expectProblem(late, 409, 'STATE_CONFLICT');
  expect(late.json).toMatchObject({ state: 'rolled_back', allowed: [] });
  expectProblem(await api.call('POST', `/runs/gateway-start-${randomUUID()}/cancel`), 404, 'NOT_FOUND');
});

test('what is stuck is listed with since when, why and what to do, oldest first', async () => {
  const first = await stuckRun();
  const other = randomUUID();
  const second = (await api.post('/gateway/start', { organization_id: other })).json.run_id;
  const { items } = (await api.call('GET', '/attention')).json;
  expect(items.map((item: { run_id: string }) => item.run_id)).toEqual([first, second]);
  expect(items[0]).toMatchObject({
    step: 'dns',
    organization_id: organization,
    since: expect.stringMatching(/^\d{4}-.*Z$/),
    severity: 'warning',
    why: { code: 'DNS_UNAVAILABLE', message: 'connection refused' },
    what_to_do: expect.stringContaining('PowerDNS'),
    skip_leaves: 'the host name goes on resolving',
    allowed: ['retry', 'skip'],
    resolve: `/runs/${first}/steps/dns/resolve`,
  });
  expect((await api.call('GET', `/attention?organization=${other}`)).json.items).toHaveLength(1);
  expect((await api.call('GET', `/runs/${first}`)).json).toMatchObject({
    state: 'needs_attention',
    allowed: ['resolve'],
  });
  expectProblem(await api.call('POST', `/runs/${first}/cancel`), 409, 'STATE_CONFLICT');
});

test('a decision is handed in with who and why', async () => {
  const id = await stuckRun();
  const reply = await api.post(`/runs/${id}/steps/dns/resolve`, { action: 'skip', reason: ' the zone is gone ' });
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({ id, kind: 'gateway.start', state: 'rolling_back' });
  const by = expect.stringMatching(/^test operate \([0-9a-f]{16}\)$/);
  expect(api.engine.decisions).toEqual([{ runId: id, step: 'dns', action: 'skip', reason: 'the zone is gone', by }]);
});

test.each([
  [{ action: 'skip' }],
  [{ action: 'skip', reason: '' }],
  [{ action: 'skip', reason: '   ' }],
  [{ action: 'skip', reason: 'x'.repeat(501) }],
  [{ action: 'undo', reason: 'why not' }],
  [{ action: 'retry', reason: 'x', by: 'root' }],
])('the decision %j: 400', async (body) => {
  expectProblem(await api.post(`/runs/gateway-start-${randomUUID()}/steps/dns/resolve`, body), 400, 'INVALID_INPUT');
});

test('a decision where nothing is stuck is 409', async () => {
  const id = `gateway-start-${randomUUID()}`;
  const note = api.engine.notes(id, organization);
  await note({ type: 'attempt.started', ...attempt('dns', 'do') });
  const decide = () => api.post(`/runs/${id}/steps/dns/resolve`, { action: 'retry', reason: 'fixed' });
  expectProblem(await decide(), 409, 'STATE_CONFLICT');
  await note({ type: 'run.state', state: 'succeeded' });
  expectProblem(await decide(), 409, 'STATE_CONFLICT');
  expect(api.engine.decisions).toEqual([]);
});

test('allocations are listed and read with their version as ETag', async () => {
  const reply: string[] = [];
  for (let i = 0; i < 3; i++) {
    await api.replica();
    reply.unshift((await api.post('/gateway/start', { organization_id: randomUUID() })).json.allocation_id);
  }
  const ids = (page: { allocations: { id: string }[] }): string[] => page.allocations.map((each) => each.id);
  const first = (await api.call('GET', '/gateways/allocations?page_size=2&open=true')).json;
  const second = (await api.call('GET', `/gateways/allocations?page_size=2&page_token=${first.next_page_token}`)).json;
  expect([...ids(first), ...ids(second)].sort()).toEqual([...reply].sort());
  expect(second.next_page_token).toBeNull();
  const one = await api.call('GET', `/gateways/allocations/${reply[0]}`);
  expect(one.headers.get('etag')).toBe(`"${one.json.resource_version}"`);
  expect(one.text).not.toContain('127.0.2');
  const headers = { 'if-none-match': one.headers.get('etag')! };
  expect((await api.call('GET', `/gateways/allocations/${reply[0]}`, { headers })).status).toBe(304);
});

test('a quarantined replica is shown with its reason and put back by an administrator', async () => {
  const { id } = await api.replica();
  await api.store.pool.quarantine(id, 'it failed its handshake');
  const { replicas } = (await api.call('GET', '/gateways/replicas')).json;
  expect(replicas).toMatchObject([{ id, state: 'quarantined', quarantine_reason: 'it failed its handshake' }]);
  const token = api.tokens.admin;
  const back = await api.call('POST', `/gateways/replicas/${id}/readmit`, { token });
  expect(back.json).toMatchObject({ id, state: 'free' });
  expectProblem(await api.call('POST', `/gateways/replicas/${randomUUID()}/readmit`, { token }), 404, 'NOT_FOUND');
});

test('a replica is put back only in the version that If-Match names, if it names one', async () => {
  const { id } = await api.replica();
  const readmit = (headers: Record<string, string>) =>
    api.call('POST', `/gateways/replicas/${id}/readmit`, { token: api.tokens.admin, headers });
  await api.store.pool.quarantine(id, 'first look');
  const [seen] = (await api.call('GET', '/gateways/replicas')).json.replicas;
  await api.store.pool.quarantine(id, 'it got worse since');
  for (const tag of [`"${seen.resource_version}"`, '"0"', '"abc"', `W/"${seen.resource_version + 1}"`]) {
    const stale = await readmit({ 'If-Match': tag });
    expectProblem(stale, 412, 'PRECONDITION_FAILED');
    expect(stale.json.current_version).toBe(seen.resource_version + 1);
  }
  expectProblem(await readmit({ 'If-Match': '7' }), 400, 'INVALID_INPUT');
  expect((await api.store.pool.replicas())[0]).toMatchObject({ quarantineReason: 'it got worse since' });
  const back = await readmit({ 'If-Match': `"${seen.resource_version + 1}"` });
  expect([back.status, back.json.state]).toEqual([200, 'free']);
  expect(back.headers.get('etag')).toBe(`"${seen.resource_version + 2}"`);
  expect((await readmit({ 'If-Match': '*' })).status).toBe(200);
});

test('an edge that is gone for good is taken out; an unknown one is 404', async () => {
  await api.store.edges.register('edge-a');
  await api.store.edges.register('edge-b');
  const remove = (name: string) => api.call('DELETE', `/edges/${name}`, { token: api.tokens.admin });
  const gone = await remove('edge-b');
  expect([gone.status, gone.text]).toEqual([204, '']);
  expect((await api.store.edges.list()).map(({ name }) => name)).toEqual(['edge-a']);
  expectProblem(await remove('edge-b'), 404, 'NOT_FOUND');
  expectProblem(await remove('edge%20a'), 404, 'NOT_FOUND');
  expect((await api.store.edges.list()).map(({ name }) => name)).toEqual(['edge-a']);
});
