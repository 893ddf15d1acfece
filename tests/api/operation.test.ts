import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiDocument } from '../../api/openapi';
import { Failure } from '../../domain/failures';
import { eventually, expectProblem, TestApi } from './support/api';

let api: TestApi;
const log: string[] = [];
beforeEach(async () => {
  log.length = 0;
  api = await TestApi.start({ log: (line) => log.push(line) });
});
afterEach(() => api.close());

test('the committed OpenAPI document is the served one and what the routes declare', async () => {
  const served = await api.call('GET', '/openapi.json', { token: null });
  expect(served.json).toEqual(JSON.parse(readFileSync(join(__dirname, '../../api/openapi.json'), 'utf8')));
  expect(served.json).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  expect(served.json.openapi).toBe('3.1.0');
});

test('every answer of the document with a body has a schema, and every reference leads somewhere', () => {
  const text = JSON.stringify(openApiDocument());
  const names = Object.keys(openApiDocument().components?.schemas ?? {});
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) expect(names).toContain(name);
  const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the documentation’s page needs nothing from elsewhere', async () => {
  const page = await api.call('GET', '/docs', { token: null });
  expect(page.status).toBe(200);
  expect(page.text).not.toMatch(/https?:\/\//);
  const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
  expect(files).toHaveLength(4);
  for (const file of files) {
    const reply = await api.call('GET', file, { token: null });
    expect([file, reply.status]).toEqual([file, 200]);
  }
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
});

test('readiness names each component', async () => {
  const ready = await api.call('GET', '/readyz', { token: null });
  expect(ready.json).toEqual({
    status: 'ready',
    components: [
      { name: 'store', ready: true, detail: 'answers' },
      { name: 'temporal', ready: true, detail: 'answers' },
      { name: 'workers', ready: true, detail: '1 polling' },
    ],
  });
  api.engine.polling = 0;
  const reply = await api.call('GET', '/readyz', { token: null });
  expectProblem(reply, 503, 'NOT_READY');
  expect(reply.json.components[2]).toEqual({ name: 'workers', ready: false, detail: '0 polling' });
});

test('metrics tell of runs, edges, the pool, attention and requests', async () => {
  await api.replica();
  await api.post('/gateway/start', { organization_id: randomUUID() });
  api.engine.script = (id, input) => api.engine.stick(id, input, 'HANDSHAKE_FAILED', 'no');
  await api.post('/gateway/start', { organization_id: randomUUID() });
  await api.store.edges.register('edge-1');
  const text = await eventually(async () => {
    const reply = await api.call('GET', '/metrics', { token: null });
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain/);
    return (
      /gatewright_run_duration_seconds_count\{kind="gateway.start",outcome="succeeded"\} 1/.test(reply.text) &&
      reply.text
    );
  });
  for (const line of [
    'gatewright_runs{kind="gateway.start",state="succeeded"} 1',
    'gatewright_runs{kind="gateway.start",state="needs_attention"} 1',
    'gatewright_edge_reloads_total{edge="edge-1"} 0',
    'gatewright_edge_routes_per_reload{edge="edge-1"} 0',
    'gatewright_pool_replicas{state="allocated"} 1',
    'gatewright_attention_runs{severity="warning"} 1',
    'gatewright_store_up 1',
  ])
    expect(text).toContain(line);
  expect(text).toMatch(/gatewright_attention_oldest_seconds [0-9.]+/);
  expect(text).toMatch(
    /gatewright_http_request_duration_seconds_count\{method="POST",route="\/gateway\/start",status="200"\} 1/,
  );
});

test('while the store is away: 503 with Retry-After, and no word of the inside', async () => {
  const away = new Failure('STORE_UNAVAILABLE', 'canary-51f0: connect ECONNREFUSED 10.1.2.3:5432');
  jest.spyOn(api.store.tokens, 'find').mockRejectedValue(away);
  jest.spyOn(api.store, 'ping').mockRejectedValue(away);
  const reply = await api.post('/gateway/start', { organization_id: randomUUID() });
  expectProblem(reply, 503, 'STORE_UNAVAILABLE');
  expect(reply.headers.get('retry-after')).not.toBeNull();
  expect(reply.text).not.toMatch(/canary|10\.1\.2\.3/);
  expect(api.engine.starts).toEqual([]);
  const ready = await api.call('GET', '/readyz', { token: null });
  expect(ready.json.components[0]).toEqual({ name: 'store', ready: false, detail: 'does not answer' });
});

test('what goes wrong inside is in the log under the id that the answer names', async () => {
  jest.spyOn(api.store.tokens, 'find').mockRejectedValue(new Error('canary-51f0'));
  const reply = await api.call('GET', '/runs');
  expectProblem(reply, 500, 'INTERNAL');
  expect(reply.text).not.toContain('canary');
  const told = log.find((line) => line.includes('canary-51f0'));
  expect(told).toContain(reply.json.instance.replace('urn:uuid:', ''));
});

test('a token’s secret is in no line of the log', async () => {
  const secret = api.tokens.operate.split('_')[2]!;
  await api.post('/gateway/start', { organization_id: randomUUID() });
  await api.call('GET', `/runs?surprise=1`);
  expect(log.length).toBeGreaterThan(1);
  expect(log.join('')).not.toContain(secret);
});

test('who had what done is in the log', async () => {
  await api.post('/gateway/start', { organization_id: randomUUID() });
  const lines = log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['msg'] === 'command');
  expect(lines).toMatchObject([
    { by: expect.stringMatching(/^test operate \(/), command: 'startGateway', status: 503 },
  ]);
});

test('a thrown canary is in no answer, whatever throws it', async () => {
  const canary = 'canary-9d2e';
  const { store } = api;
  for (const [object, method] of [
    [store.journal, 'run'],
    [store.journal, 'runs'],
    [store.journal, 'attention'],
    [store.pool, 'replicas'],
    [store.pool, 'openAllocation'],
    [store.pool, 'allocation'],
    [store.edges, 'list'],
  ] as const)
    jest.spyOn(object as unknown as Record<string, () => Promise<never>>, method).mockRejectedValue(new Error(canary));
  const paths = [
    `/runs/gateway-start-${randomUUID()}`,
    '/runs',
    '/attention',
    '/gateways/replicas',
    '/edges',
    `/gateways/allocations/${randomUUID()}`,
  ];
  for (const path of paths) {
    const reply = await api.call('GET', path);
    expectProblem(reply, 500, 'INTERNAL');
    expect(reply.text).not.toContain(canary);
  }
  const start = await api.post('/gateway/start', { organization_id: randomUUID() });
  expectProblem(start, 500, 'INTERNAL');
  expect(start.text).not.toContain(canary);
});

test('requests beyond a token’s limit are 429 with RateLimit headers; others go on', async () => {
  const small = await TestApi.start({ rateLimit: 3 });
  try {
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await small.call('GET', '/runs')).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await small.call('GET', '/runs');
    expectProblem(refused, 429, 'RATE_LIMITED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/r=0/);
    expect(refused.headers.get('ratelimit-policy')).toMatch(/q=3/);
    expect((await small.call('GET', '/runs', { token: small.tokens.admin })).status).toBe(200);
    const guesses = [];
    for (let i = 0; i < 4; i++) guesses.push((await small.call('GET', '/runs', { token: 'guess' })).status);
    expect(guesses).toEqual([401, 401, 401, 429]);
    expect((await small.call('GET', '/runs', { token: small.tokens.admin })).status).toBe(200);
  } finally {
    await small.close();
  }
});

test('answers may not be cached, sniffed or framed', async () => {
  const { headers } = await api.call('GET', '/runs');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-powered-by')).toBeNull();
});
