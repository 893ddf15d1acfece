import { randomUUID } from 'node:crypto';
import { openApiDocument } from '../../api/openapi';
import { expectProblem, TestApi, type Reply } from './support/api';
import { reconcile } from './support/fleet';
import { Planetscale } from './support/planetscale';
import { RolloutWorld } from './support/rollouts';

const mine = randomUUID();
const theirs = randomUUID();

/** How a route is called so that only the caller can be what is wrong; a new route needs a row. */
interface Row {
  /** What `theirs` owns in the path or body; replaced before the call. */
  readonly path?: string;
  readonly body?: (organization: string) => unknown;
  /** What a token of another organization gets: 404, or an answer that shows nothing of the other's. */
  readonly foreign: 'not found' | 'nothing of it' | 'forbidden';
}

const EDGE_GATEWAY = '/v1/organizations/THEIRS/gateways/front';
const webProfile = {
  values: {},
  files: [],
  scripts: [],
  health: { kind: 'http', port: 80, path: '/', expect: { status: 200 } },
};

const rows: Readonly<Record<string, Row>> = {
  'POST /gateway/start': { body: (organization) => ({ organization_id: organization }), foreign: 'not found' },
  'POST /gateway/stop': { body: (organization) => ({ organization_id: organization }), foreign: 'not found' },
  'POST /gateway/ready': {
    body: () => ({ replica_id: randomUUID(), address: '127.0.2.1:80', serving_epoch: 0 }),
    foreign: 'forbidden',
  },
  'GET /gateways/allocations': { foreign: 'nothing of it' },
  'GET /gateways/allocations/{id}': { path: '/gateways/allocations/ALLOCATION', foreign: 'not found' },
  'GET /gateways/replicas': { foreign: 'forbidden' },
  'POST /gateways/replicas/{id}/readmit': { path: '/gateways/replicas/REPLICA/readmit', foreign: 'forbidden' },
  'GET /edges': { foreign: 'forbidden' },
  'DELETE /edges/{name}': { path: '/edges/EDGE', foreign: 'forbidden' },
  'GET /v1/organizations/{org}/gateways': { path: '/v1/organizations/THEIRS/gateways', foreign: 'not found' },
  'GET /v1/organizations/{org}/gateways/{name}': { path: EDGE_GATEWAY, foreign: 'not found' },
  'PUT /v1/organizations/{org}/gateways/{name}': {
    path: EDGE_GATEWAY,
    body: () => ({ backend: 'docker', region: 'local', replicas: 2 }),
    foreign: 'not found',
  },
  'DELETE /v1/organizations/{org}/gateways/{name}': { path: EDGE_GATEWAY, foreign: 'not found' },
  'POST /v1/organizations/{org}/gateways/{name}/plan': {
    path: `${EDGE_GATEWAY}/plan`,
    body: () => ({ backend: 'docker', region: 'local' }),
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/gateways/{name}/replicas': { path: `${EDGE_GATEWAY}/replicas`, foreign: 'not found' },
  'POST /v1/organizations/{org}/gateways/{name}/replicas/{num}/replace': {
    path: `${EDGE_GATEWAY}/replicas/0/replace`,
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/gateways/{name}/scale': {
    path: `${EDGE_GATEWAY}/scale`,
    body: () => ({ replicas: 2 }),
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/gateways/{name}/events': { path: `${EDGE_GATEWAY}/events`, foreign: 'not found' },
  'GET /v1/organizations/{org}/gateway-events': {
    path: '/v1/organizations/THEIRS/gateway-events',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/profiles': { path: '/v1/organizations/THEIRS/profiles', foreign: 'not found' },
  'GET /v1/organizations/{org}/profiles/{name}': {
    path: '/v1/organizations/THEIRS/profiles/web',
    foreign: 'not found',
  },
  'PUT /v1/organizations/{org}/profiles/{name}': {
    path: '/v1/organizations/THEIRS/profiles/web',
    body: () => webProfile,
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/deployments': {
    path: '/v1/organizations/THEIRS/databases/shop/deployments',
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/deployments': {
    path: '/v1/organizations/THEIRS/databases/shop/deployments',
    body: () => ({ name: 'eu', environment: 'production', server: 'mariadb-url', schema: 'eu' }),
    foreign: 'forbidden',
  },
  'GET /v1/organizations/{org}/databases/{db}/deployments/{id}': {
    path: '/v1/organizations/THEIRS/databases/shop/deployments/DEPLOYMENT',
    foreign: 'not found',
  },
  'PATCH /v1/organizations/{org}/databases/{db}/deployments/{id}': {
    path: '/v1/organizations/THEIRS/databases/shop/deployments/DEPLOYMENT',
    body: () => ({ name: 'stolen' }),
    foreign: 'not found',
  },
  'DELETE /v1/organizations/{org}/databases/{db}/deployments/{id}': {
    path: '/v1/organizations/THEIRS/databases/shop/deployments/DEPLOYMENT',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/locks': {
    path: '/v1/organizations/THEIRS/databases/shop/locks',
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/locks': {
    path: '/v1/organizations/THEIRS/databases/shop/locks',
    body: () => ({ force: true, reason: 'mine' }),
    foreign: 'not found',
  },
  'DELETE /v1/organizations/{org}/databases/{db}/locks': {
    path: '/v1/organizations/THEIRS/databases/shop/locks?force=true&reason=mine',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies': {
    path: '/v1/organizations/THEIRS/databases/shop/applies',
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/plan': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/plan',
    body: () => ({ branch: 'dev' }),
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}/operations': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/operations',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}/operations/{op}': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/operations/OPERATION',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}/progress': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/progress',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}/logs': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/logs',
    foreign: 'not found',
  },
  'GET /v1/organizations/{org}/databases/{db}/applies/{id}/events': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/events',
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/stop': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/stop',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/start': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/start',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/pause': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/pause',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/release': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/release',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/cutover': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/cutover',
    body: () => ({ force: true }),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/cancel': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/cancel',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/revert': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/revert',
    body: () => ({ accept_losses: true }),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/skip-revert': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/skip-revert',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/volume': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/volume',
    body: () => ({ volume: 1 }),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/override': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/override',
    body: () => ({ environment: 'production', reason: 'mine' }),
    foreign: 'not found',
  },
  'POST /v1/organizations/{org}/databases/{db}/applies/{id}/retry': {
    path: '/v1/organizations/THEIRS/databases/shop/applies/APPLY/retry',
    body: () => ({}),
    foreign: 'not found',
  },
  'POST /v1/sweep': { body: () => ({ dry_run: true }), foreign: 'forbidden' },
  'GET /runs': { foreign: 'nothing of it' },
  'GET /runs/{id}': { path: '/runs/RUN', foreign: 'not found' },
  'POST /runs/{id}/cancel': { path: '/runs/RUN/cancel', foreign: 'not found' },
  'POST /runs/{id}/steps/{step}/resolve': {
    path: '/runs/RUN/steps/dns/resolve',
    body: () => ({ action: 'retry', reason: 'fixed' }),
    foreign: 'not found',
  },
  'GET /runs/{id}/events': { path: '/runs/RUN/events', foreign: 'not found' },
  // Streams without end: what another organization sees of them is tested with the events.
  'GET /events': { foreign: 'nothing of it' },
  'GET /attention': { foreign: 'nothing of it' },
  'POST /webhooks': {
    body: (organization) => ({ url: 'https://192.0.2.1/', secret: 'x'.repeat(16), organization_id: organization }),
    foreign: 'not found',
  },
  'GET /webhooks': { foreign: 'nothing of it' },
  'DELETE /webhooks/{id}': { path: '/webhooks/WEBHOOK', foreign: 'not found' },
  'GET /webhooks/{id}/deliveries': { path: '/webhooks/WEBHOOK/deliveries', foreign: 'not found' },
  'POST /tokens': {
    body: (organization) => ({ name: 'x', scope: 'read', organization_id: organization }),
    foreign: 'not found',
  },
  'GET /tokens': { foreign: 'nothing of it' },
  'DELETE /tokens/{id}': { path: '/tokens/TOKEN', foreign: 'not found' },
};

const lower = { read: null, operate: 'read', admin: 'operate' } as const;

interface Operation {
  readonly security?: readonly object[];
  readonly 'x-scope'?: 'read' | 'operate' | 'admin';
  readonly 'x-every-organization'?: boolean;
}
const operations = Object.entries(openApiDocument().paths ?? {}).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
  })),
);
const guarded = operations.filter(({ operation }) => (operation.security ?? []).length > 0);

let api: TestApi;
const names: Record<string, string> = {};
const tokens: Record<string, string> = {};

beforeAll(async () => {
  api = await TestApi.start();
  const replica = await api.replica();
  const edge = await api.store.edges.register('edge-of-everybody');
  const started = await api.post('/gateway/start', { organization_id: theirs });
  expect(started.status).toBe(200);
  const webhook = await api.store.webhooks.create({
    id: randomUUID(),
    url: 'https://example.com/',
    secret: 'sealed',
    events: ['run.resolved'],
    organizationId: theirs,
  });
  tokens['theirs'] = await api.token('admin', theirs);
  for (const scope of ['read', 'operate', 'admin'] as const) tokens[scope] = await api.token(scope, mine);
  const gateway = { backend: 'docker', region: 'local' };
  for (const [path, body] of [
    ['gateways/front', gateway],
    ['profiles/web', webProfile],
  ] as const) {
    const put = await api.call('PUT', `/v1/organizations/${theirs}/${path}`, { body, token: api.tokens.admin });
    expect([200, 202]).toContain(put.status);
  }
  const [front] = await api.store.fleet.gateways.list(theirs);
  await reconcile(api.store, front!);
  const world = await RolloutWorld.of(api, await Planetscale.of(api, theirs));
  const apply = await world.apply();
  Object.assign(names, {
    DEPLOYMENT: world.deployments[1]!.id,
    APPLY: apply.id,
    OPERATION: apply.operations[0]!.id,
    SHOP: world.databaseId,
    THEIRS: theirs,
    RUN: started.json.run_id,
    ALLOCATION: started.json.allocation_id,
    REPLICA: replica.id,
    EDGE: edge.name,
    WEBHOOK: webhook.id,
    TOKEN: tokens['theirs'].split('_')[1],
  });
});
afterAll(() => api.close());

function call(name: string, token: string | null): Promise<Reply> {
  const { method, path } = operations.find((each) => each.name === name)!;
  const row = rows[name]!;
  const address = Object.entries(names).reduce((text, [key, value]) => text.replace(key, value), row.path ?? path);
  return api.call(method, address, { token, ...(row.body && { body: row.body(theirs) }) });
}

test('every guarded route of the document has a row here, and nothing else has', () => {
  expect(Object.keys(rows).sort()).toEqual(guarded.map(({ name }) => name).sort());
});

test('only what supervisors and readers of the documentation need is open', () => {
  const open = operations.filter(({ operation }) => (operation.security ?? []).length === 0).map(({ name }) => name);
  expect(open.sort()).toEqual([
    'GET /docs',
    'GET /docs/{file}',
    'GET /healthz',
    'GET /metrics',
    'GET /openapi.json',
    'GET /readyz',
  ]);
});

describe.each(guarded)('$name', ({ name, operation }) => {
  test('without a token: 401', async () => {
    const reply = await call(name, null);
    expectProblem(reply, 401, 'UNAUTHENTICATED');
    expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  test('with a token that nobody was given', async () => {
    const unknown = await call(name, `gw_${'0'.repeat(16)}_${'a'.repeat(64)}`);
    if (operation['x-scope']) expectProblem(unknown, 401, 'UNAUTHENTICATED');
    else expectProblem(unknown, 403, 'FORBIDDEN');
  });

  const scope = operation['x-scope'];
  const tooLow = scope && lower[scope];
  if (tooLow)
    test(`with the scope ${tooLow}: 403`, async () => {
      expectProblem(await call(name, api.tokens[tooLow]), 403, 'FORBIDDEN');
    });

  if (scope && rows[name] && name !== 'GET /events')
    test(`with the token of another organization: ${rows[name].foreign}`, async () => {
      const before = await everything();
      const reply = await call(name, tokens[scope]!);
      if (rows[name]!.foreign === 'forbidden') expectProblem(reply, 403, 'FORBIDDEN');
      else if (rows[name]!.foreign === 'not found') expectProblem(reply, 404, 'NOT_FOUND');
      else {
        expect(reply.status).toBe(200);
        for (const secret of [theirs, ...Object.values(names)]) expect(reply.text).not.toContain(secret);
      }
      expect(await everything()).toEqual(before);
    });
});

test('a list of another organization is not found, either', async () => {
  for (const path of ['/runs', '/attention', '/gateways/allocations'])
    expectProblem(
      await api.call('GET', `${path}?organization=${theirs}`, { token: tokens['read']! }),
      404,
      'NOT_FOUND',
    );
});

test('another organization’s gateway cannot be stopped by its allocation, either', async () => {
  const body = { allocation_id: names['ALLOCATION'] };
  expectProblem(await api.call('POST', '/gateway/stop', { token: tokens['operate']!, body }), 404, 'NOT_FOUND');
  expect(api.engine.stops).toEqual([]);
});

test('the same tokens reach what is theirs', async () => {
  for (const path of [
    `/runs/${names['RUN']}`,
    `/gateways/allocations/${names['ALLOCATION']}`,
    '/webhooks',
    '/tokens',
    `/v1/organizations/${theirs}/gateways`,
    `/v1/organizations/${theirs}/gateway-events`,
  ]) {
    const reply = await api.call('GET', path, { token: tokens['theirs']! });
    expect(reply.status).toBe(200);
    expect(reply.text).toContain(theirs);
  }
});

/** What calls of others must not have changed. */
async function everything(): Promise<unknown> {
  const { store, engine } = api;
  return {
    allocations: await store.pool.allocations({ limit: 100 }),
    replicas: await store.pool.replicas(),
    edges: await store.edges.list(),
    webhooks: await store.webhooks.list(),
    tokens: (await store.tokens.list()).map(({ lastUsedAt: _, ...token }) => token),
    runs: await store.journal.runs({ limit: 100 }),
    gateways: await store.fleet.gateways.all(),
    gatewayReplicas: await store.fleet.replicas.live(),
    profiles: await store.fleet.profiles.list(theirs),
    ...(await rolloutsOf(theirs)),
    engine: [
      engine.starts,
      engine.stops,
      engine.cancelled,
      engine.decisions,
      engine.told.gateways,
      engine.told.replicas,
      engine.sweeps,
    ].map((each) => each.length),
  };
}

async function rolloutsOf(organizationId: string): Promise<object> {
  const { deployments, applies, locks } = api.store.rollouts;
  const { SHOP: databaseId, APPLY: applyId } = names;
  return {
    request: await api.store.deploys.requests.byId(organizationId, applyId!),
    deployments: await deployments.list(organizationId, databaseId!),
    apply: await applies.get(organizationId, applyId!),
    operations: await applies.rows(organizationId, applyId!),
    locks: await locks.list(organizationId, databaseId!),
    told: api.engine.deploys.told.length,
    looks: api.engine.deploys.looks.length,
  };
}
