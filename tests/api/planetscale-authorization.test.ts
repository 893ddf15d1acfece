import { randomUUID } from 'node:crypto';
import type { Deps } from '../../api/deps';
import { planetscaleCalls } from '../../api/planetscale/router';
import { routes } from '../../api/routes';
import { TestApi, type Reply } from './support/api';
import { expectError, Planetscale } from './support/planetscale';
import { promised } from './support/planetscale-calls';

/* Every call of PlanetScale's API, for everybody who may not make it. The calls are taken from what is served. */

// Declarations say nothing that depends on what the handlers work with, and no handler is called.
const calls = planetscaleCalls({} as Deps).map(({ method, path, access }) => ({
  name: `${method.toUpperCase()} ${path}`,
  method: method.toUpperCase(),
  path,
  scope: access.kind as 'read' | 'operate' | 'admin',
}));

/** Bodies with which a call would do something. */
const bodies: Readonly<Record<string, unknown>> = {
  'POST /organizations/{organization}/databases': { name: 'mine', cluster_size: 'PS_10' },
  'PATCH /organizations/{organization}/databases/{database}': { new_name: 'stolen' },
  'POST /organizations/{organization}/databases/{database}/branches': { name: 'spy', parent_branch: 'main' },
  'POST /organizations/{organization}/databases/{database}/deploy-requests': { branch: 'dev' },
  'PATCH /organizations/{organization}/databases/{database}/deploy-requests/{number}': { state: 'closed' },
  'PUT /organizations/{organization}/databases/{database}/deploy-requests/{number}/auto-apply': { enable: true },
  'PUT /organizations/{organization}/databases/{database}/deploy-requests/{number}/auto-delete-branch': {
    enable: true,
  },
  'PUT /organizations/{organization}/databases/{database}/deploy-requests/{number}/throttle': { throttle_ratio: 0.9 },
  'PATCH /organizations/{organization}/databases/{database}/deploy-requests/{number}/throttler': { ratio: 90 },
  'PATCH /organizations/{organization}/databases/{database}/throttler': { ratio: 90 },
  'POST /organizations/{organization}/databases/{database}/deploy-requests/{number}/reviews': { state: 'approved' },
  'POST /organizations/{organization}/databases/{database}/webhooks': { url: 'https://192.0.2.1/', events: [] },
};

const outside = calls.filter(({ path }) => !path.includes('{organization}'));
const inside = calls.filter(({ path }) => path.includes('{organization}'));

let api: TestApi;
let theirs: Planetscale;
let mine: Planetscale;
const ids: Record<string, string> = {};

beforeAll(async () => {
  api = await TestApi.start({ webhookNetworks: ['192.0.2.0/24'] });
  theirs = await Planetscale.of(api);
  mine = await Planetscale.of(api);
  await theirs.database();
  await theirs.request();
  const password = await theirs.post('/branches/dev/passwords', { name: 'app' });
  const webhook = await theirs.post('/webhooks', { url: 'https://192.0.2.1/', events: ['deploy_request.opened'] });
  expect([password.status, webhook.status]).toEqual([201, 201]);
  Object.assign(ids, { password: password.json.id as string, webhook: webhook.json.id as string });
});
afterAll(() => api.close());

function call({ name, method, path }: (typeof calls)[number], authorization: string, of = theirs): Promise<Reply> {
  const address = path
    .replace('{organization}', of.organizationId)
    .replace('{database}', 'shop')
    .replace('{branch}', 'dev')
    .replace('{number}', '1')
    .replace('{id}', path.includes('/passwords/') ? ids['password']! : ids['webhook']!);
  return of.call(method, address, bodies[name], authorization);
}

test('what is served is what people know from PlanetScale, and a little of ours', () => {
  const ours = ['losses', 'events', 'throttle'].map((last) => `/deploy-requests/{number}/${last}`);
  const known = calls.filter(({ path }) => !ours.some((suffix) => path.endsWith(suffix)));
  expect(known.map(({ name }) => name).sort()).toEqual([...promised].sort());
});

test('no call is in the way of one of our own routes, and none of ours in its', () => {
  const own = routes({} as Deps).map(({ declaration }) => `${declaration.method} ${pattern(declaration.path)}`);
  const both = calls.filter(({ method, path }) => own.includes(`${method.toLowerCase()} ${pattern(`/v1${path}`)}`));
  expect(both).toEqual([]);
});

function pattern(path: string): string {
  return path.replace(/\{[^}]*\}/g, '*');
}

describe.each(calls)('$name', (each) => {
  test('without a token, or with one that nobody was given: 401', async () => {
    const unknown = `${'0'.repeat(16)}:${'a'.repeat(64)}`;
    for (const authorization of ['', unknown, `Bearer gw_${unknown.replace(':', '_')}`, 'Basic YTpi']) {
      const reply = await call(each, authorization);
      expectError(reply, 401, 'unauthorized');
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  const tooLow = ({ read: [], operate: ['read'], admin: ['read', 'operate'] } as const)[each.scope];
  if (tooLow.length > 0)
    test(`with the scope ${tooLow.join(' or ')}: 403`, async () => {
      const before = await everything();
      for (const scope of tooLow) expectError(await call(each, theirs.tokens[scope]), 403, 'unauthorized');
      expect(await everything()).toEqual(before);
    });
});

describe.each(inside)('$name', (each) => {
  test('with the token of another organization: 404, and nothing is changed', async () => {
    const before = await everything();
    const reply = await call(each, mine.tokens.admin);
    expectError(reply, 404, 'not_found');
    expect(reply.json).toEqual({ code: 'not_found', message: 'Not Found' });
    expect(await everything()).toEqual(before);
  });

  if (each.path.includes('{database}'))
    test('nothing of another organization is found under one’s own', async () => {
      const before = await everything();
      expectError(await call(each, mine.tokens.admin, mine), 404, 'not_found');
      expect(await everything()).toEqual(before);
    });
});

test.each(outside)('$name tells nothing of others', async (each) => {
  const { status, text } = await call(each, mine.tokens.admin);
  expect(status).toBe(200);
  expect(text).not.toContain(theirs.organizationId);
});

test('nothing of one database is found under another of the same organization', async () => {
  await theirs.database('other');
  for (const path of [
    '/deploy-requests/1',
    `/branches/dev/passwords/${ids['password']}`,
    `/webhooks/${ids['webhook']}`,
  ])
    expectError(await theirs.get(path, 'other'), 404, 'not_found');
  expectError(await theirs.get(`/branches/main/passwords/${ids['password']}`), 404, 'not_found');
});

test('a schema that is there already is only named by who may see every organization', async () => {
  const body = { name: 'adopted', cluster_size: 'PS_10', adopt: { server: 'mariadb-url', schema: 'shop' } };
  const path = `/v1/organizations/${mine.organizationId}/databases`;
  expectError(await mine.call('POST', path.slice(3), body), 403, 'unauthorized');
  expect((await api.call('POST', path, { body, token: api.tokens.admin })).status).toBe(201);
});

/** What calls of others must not have changed. */
async function everything(): Promise<unknown> {
  const { deploys, webhooks } = api.store;
  const { organizationId } = theirs;
  const all = { page: 1, perPage: 100 };
  const databases = await deploys.databases.list(organizationId, all);
  const { id } = databases.items.find(({ name }) => name === 'shop')!;
  const branches = await deploys.branches.list(organizationId, id, all);
  const requests = await deploys.requests.list(organizationId, id, all);
  const { begun, told, accounts, looks } = api.engine.deploys;
  return {
    ...{ databases, branches, requests },
    mine: await deploys.databases.list(mine.organizationId, all),
    passwords: await Promise.all(
      branches.items.map((branch) => deploys.passwords.list(organizationId, branch.id, all)),
    ),
    reviews: await deploys.requests.reviews(organizationId, requests.items[0]!.id),
    webhooks: await webhooks.list(),
    engine: [begun, told, accounts, looks].map((each) => each.length),
  };
}

test('an unknown organization looks like one of others', async () => {
  for (const organization of [randomUUID(), 'acme', '%00', '..%2f..', "'%20OR%201=1"])
    expectError(await mine.call('GET', `/organizations/${organization}/databases`), 404, 'not_found');
});
