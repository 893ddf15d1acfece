import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { Deps } from '../../api/deps';
import { planetscaleCalls } from '../../api/planetscale/router';
import { seed } from '../support/random';
import { TestApi, type Reply } from './support/api';
import { expectError, Planetscale } from './support/planetscale';

/* What reaches PlanetScale's API that is none of its clients: refused in the shape that they read, and nothing is done. */

let api: TestApi;
let ps: Planetscale;
let before: unknown;
const log: string[] = [];
beforeAll(async () => {
  api = await TestApi.start({ log: (line) => log.push(line) });
  ps = await Planetscale.of(api);
  await ps.database();
  await ps.request();
  before = await everything();
});
afterEach(async () => {
  expect(await everything()).toEqual(before);
});
afterAll(async () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  await api.close();
});

/** Everything that a hostile call must not have changed. */
async function everything(): Promise<unknown> {
  const { deploys, webhooks } = api.store;
  const all = { page: 1, perPage: 1_000 };
  const databases = await deploys.databases.list(ps.organizationId, all);
  const { id } = databases.items[0]!;
  const branches = await deploys.branches.list(ps.organizationId, id, all);
  return {
    ...{ databases, branches },
    requests: await deploys.requests.list(ps.organizationId, id, all),
    passwords: await Promise.all(branches.items.map((each) => deploys.passwords.list(ps.organizationId, each.id, all))),
    webhooks: await webhooks.ofDatabase(ps.organizationId, id),
    told: [...api.engine.deploys.told],
    begun: [...api.engine.deploys.begun],
  };
}

/** Fails unless an answer is an error of theirs that nothing obeys where it is shown. */
function expectRefused(reply: Reply, ...statuses: number[]): void {
  expect(statuses).toContain(reply.status);
  expectError(reply, reply.status);
  JSON.stringify(reply.json, (_, value: unknown) => {
    if (typeof value === 'string') expect(value).toMatch(/^[^\p{C}\u2028\u2029]*$/u);
    return value;
  });
}

const text = [
  "'; DROP DATABASE shop; --",
  '`; DROP SCHEMA x; --',
  '"; DROP SCHEMA x; --',
  '$(touch scratch)',
  '`id`',
  'shop\n',
  'shop\r\nX-Evil: 1',
  'shop\0',
  '../../etc/passwd',
  '..',
  '-oProxyCommand=id',
  '; return 200 pwned; #',
  '\u212aelvin',
  '\u202egpj.exe',
  '\u001b[2J\u001b]0;title\u0007',
  "' OR 1=1 --",
  'Shop',
  'sh op',
  '_shop',
  '',
  'x'.repeat(64),
];

const databases = () => `/organizations/${ps.organizationId}/databases`;

describe.each(text)('%j', (value) => {
  test('is no name of a database or a branch', async () => {
    expectRefused(await ps.call('POST', databases(), { name: value, cluster_size: 'PS_10' }), 422);
    expectRefused(await ps.call('POST', databases(), { name: 'a', default_branch: value }), 422);
    expectRefused(await ps.call('PATCH', ps.at(), { new_name: value }), 422);
    expectRefused(await ps.post('/branches', { name: value, parent_branch: 'main' }), 422);
  });

  test('names nothing that is there', async () => {
    expectRefused(await ps.call('PATCH', ps.at(), { default_branch: value }), 404);
    expectRefused(await ps.post('/branches', { name: 'a', parent_branch: value }), 404);
    expectRefused(await ps.post('/deploy-requests', { branch: value }), 404);
    expectRefused(await ps.post('/deploy-requests', { branch: 'dev', into_branch: value }), 404);
    if (value === '' || value === '..') return;
    const part = encodeURIComponent(value);
    for (const path of [ps.at('', part), ps.at(`/branches/${part}`), ps.at(`/deploy-requests/${part}`)])
      expectRefused(await ps.call('GET', path), 404);
    expectRefused(await ps.get(`/branches/dev/passwords/${part}`), 404);
    expectRefused(await ps.get(`/webhooks/${part}`), 404);
  });

  test('is no state, no event, no address, no role, no time and no server', async () => {
    expectRefused(await ps.call('PATCH', ps.at('/deploy-requests/1'), { state: value }), 422);
    expectRefused(await ps.post('/deploy-requests/1/reviews', { state: value, body: 'x' }), 422);
    expectRefused(await ps.post('/webhooks', { url: 'https://192.0.2.1/', events: [value] }), 422, 400);
    expectRefused(await ps.post('/webhooks', { url: value, events: [] }), 422, 400);
    expectRefused(await ps.post('/branches/dev/passwords', { role: value }), 422);
    expectRefused(await ps.call('POST', databases(), { name: 'a', kind: value }), 422);
    expectRefused(
      await ps.call('POST', databases(), { name: 'a', adopt: { server: value, schema: 'a' } }),
      ...[422, 403],
    );
    const part = encodeURIComponent(value);
    expectRefused(await ps.get(`/deploy-requests?deployed_at=${part}`), 422);
    expectRefused(await ps.get(`/deploy-requests/1?wait=${part}`), 422);
    expectRefused(await ps.get(`/deploy-requests?state=${part}`), 422);
    expectRefused(await ps.get(`/deploy-requests?page=${part}`), 422);
  });
});

test.each(['a\0', '\u001b[2J', 'a\u0007', '\ud800', 'x'.repeat(10_001)])(
  '%j is no note and no comment',
  async (value) => {
    expectRefused(await ps.post('/deploy-requests', { branch: 'dev', notes: value }), 422);
    const renames = [{ table: 'users', from: 'name', to: value }];
    expectRefused(await ps.post('/deploy-requests', { branch: 'dev', renames }), 422);
    expectRefused(await ps.post('/deploy-requests/1/reviews', { state: 'commented', body: value }), 422);
    expectRefused(await ps.call('PATCH', ps.at(), { notes: value }), 422);
    expectRefused(await ps.post('/branches/dev/passwords', { name: value }), 422);
  },
);

test.each([-0.01, 0.951, 1.5, 95, 1e300, '0.5', null, [0.5], {}])('%j is no ratio', async (value) => {
  expectRefused(await ps.call('PUT', ps.at('/deploy-requests/1/throttle'), { throttle_ratio: value }), 422);
});

test.each([-1, 96, 0.5, 1e300, '10', [10], {}])('%j is no percentage', async (ratio) => {
  for (const path of ['/throttler', '/deploy-requests/1/throttler']) {
    expectRefused(await ps.call('PATCH', ps.at(path), { ratio }), 422);
    expectRefused(await ps.call('PATCH', ps.at(path), { configurations: [{ keyspace_name: 'shop', ratio }] }), 422);
  }
});

test('another keyspace, no ratio at all, and text that is no JSON', async () => {
  for (const body of [
    {},
    { configurations: [] },
    { configurations: [{ keyspace_name: 'other', ratio: 1 }] },
    { configurations: ['{"keyspace_name":'] },
    { configurations: 'shop=1' },
  ])
    expectRefused(await ps.call('PATCH', ps.at('/throttler'), body), 422);
});

describe('bodies that are none', () => {
  const open = (body: unknown) => ps.post('/deploy-requests', body);

  test.each<[string, unknown, number]>([
    ['an array', [], 422],
    ['text', '"dev"', 400],
    ['no JSON', '{"branch":', 400],
    ['nothing', undefined, 422],
    ['an operator object', { branch: { not: '' } }, 422],
    ['a number as branch', { branch: 7 }, 422],
    ['text for a flag', { branch: 'dev', auto_cutover: 'true' }, 422],
    ['a branch into itself', { branch: 'dev', into_branch: 'dev' }, 422],
    ['__proto__', '{"branch":"dev","__proto__":{"polluted":1}}', 400],
    ['constructor', '{"branch":"dev","constructor":{"prototype":{"polluted":1}}}', 400],
    ['deep nesting', `{"branch":${'['.repeat(2000)}${']'.repeat(2000)}}`, 400],
  ])('%s', async (_what, body, status) => {
    expectRefused(await open(body), status);
  });

  test('70 kB, and 5 MB that were 5 kB when zipped', async () => {
    expectRefused(await open({ branch: 'x'.repeat(70_000) }), 413);
    const response = await fetch(`${api.url}/v1${ps.at('/deploy-requests')}`, {
      method: 'POST',
      headers: {
        authorization: ps.tokens.admin,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(JSON.stringify({ branch: 'x'.repeat(5_000_000) })),
    });
    expect([response.status, await response.json()]).toEqual([413, expect.objectContaining({ code: 'bad_request' })]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=koi8-r'])(
    '%s is not read',
    async (type) => {
      const headers = { 'content-type': type, authorization: ps.tokens.admin };
      const path = `/v1${ps.at('/deploy-requests')}`;
      expectRefused(await api.call('POST', path, { body: { branch: 'dev' }, token: null, headers }), 415);
    },
  );

  test('what a client of another age sends beside is left out', async () => {
    expectRefused(await open({ branch: 'absent', region: 'us-east', surprise: { a: [1] } }), 404);
  });

  test('whatever JSON it is: an answer of theirs, never an error of the server', async () => {
    const calls = planetscaleCalls({} as Deps).filter(({ method }) => method !== 'get');
    const addressed = calls.map(({ method, path }) => ({
      method: method.toUpperCase(),
      path: path
        .replace('{organization}', ps.organizationId)
        .replace('{database}', 'absent')
        .replace(/\{[a-z]+\}/g, '1'),
    }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...addressed),
        fc.jsonValue({ maxDepth: 3 }),
        async ({ method, path }, value) => {
          const body = { name: value, branch: value, state: value, ratio: value, url: value, events: value };
          // 400: a key that would reach the prototype is no JSON for us.
          expectRefused(await ps.call(method, path, body), 400, 404, 422);
        },
      ),
      { seed, numRuns: 150 },
    );
  });
});

describe('addresses', () => {
  test.each(['0', '-1', '01', '1e3', '1.0', '99999999999999999999', '%00', '1%20or%201=1'])(
    'there is no deploy request %s',
    async (number) => {
      expectRefused(await ps.get(`/deploy-requests/${number}`), 404);
      expectRefused(await ps.post(`/deploy-requests/${number}/cancel`), 404);
    },
  );

  test.each(['/backups', '/branches/dev/backups', '/deploy-requests/1/nothing', '//deploy-requests'])(
    'what is not served is not found: %s',
    async (path) => {
      expectRefused(await ps.get(path), 404);
    },
  );

  test('a bad escape, and a method that is none', async () => {
    expectRefused(await ps.get('/branches/%ZZ'), 422);
    const reply = await ps.call('PUT', ps.at('/deploy-requests'));
    expectRefused(reply, 405);
    expect(reply.headers.get('allow')).toBe('GET, POST');
  });

  test.each(['page=0', 'page=-1', 'page=1e9', 'per_page=0', 'per_page=all', 'page=1&page=2', 'q=%00'.repeat(100)])(
    '%s is no page',
    async (query) => {
      expectRefused(await ps.call('GET', `${databases()}?${query}`), 422);
    },
  );

  test('a page beyond the last is empty, and one that is too large is cut', async () => {
    expect((await ps.call('GET', `${databases()}?page=999999999`)).json.data).toEqual([]);
    expect((await ps.call('GET', `${databases()}?per_page=100000`)).json.per_page).toBe(100);
    expect((await ps.call('GET', `${databases()}?q=%25`)).json.data).toEqual([]);
  });
});

test('a host that is none is not repeated', async () => {
  const answer = await raw(
    `GET /v1${ps.at('/branches?per_page=1')} HTTP/1.1\r\nHost: evil"<script>\r\nAuthorization: ${ps.tokens.read}\r\nConnection: close\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  expect(answer).toContain('"next_page_url":"http://localhost/v1/');
  expect(answer).not.toContain('evil');
});

test('nothing of a token or a body is in the log', () => {
  const all = log.join('\n');
  for (const secret of Object.values(ps.tokens)) expect(all).not.toContain(secret.split(':')[1]);
  expect(all).not.toContain('DROP SCHEMA');
});

function raw(request: string): Promise<string> {
  const { hostname, port } = new URL(api.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}
