import { randomUUID } from 'node:crypto';
import { expectProblem, TestApi, type Reply } from './support/api';

/* What reaches our API of gateways and profiles that is none: refused by its place, and nothing is stored or told. */

let api: TestApi;
const organization = randomUUID();
beforeAll(async () => {
  api = await TestApi.start();
});
afterEach(async () => {
  expect(await api.store.fleet.gateways.all()).toEqual([]);
  expect(await api.store.fleet.profiles.list(organization)).toEqual([]);
  expect(api.engine.told).toEqual({ gateways: [], replicas: [] });
});
afterAll(async () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  await api.close();
});

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return api.call(method, `/v1/organizations/${organization}${path}`, { body, headers, token: api.tokens.admin });
}

/** Fails unless an answer is 400 and names the member, in words that no terminal obeys. */
function expectRefused(reply: Reply, pointer: string, code = 'INVALID_INPUT'): void {
  expectProblem(reply, 400, code);
  expect(reply.json.errors.map((each: { pointer: string }) => each.pointer)).toContain(pointer);
  JSON.stringify(reply.json, (_, value: unknown) => {
    if (typeof value === 'string') expect(value).toMatch(/^[^\p{C}\u2028\u2029]*$/u);
    return value;
  });
}

const text = [
  "'; touch scratch #",
  '$(touch scratch)',
  'edge\n',
  'edge\0',
  '../../etc/passwd',
  '-oProxyCommand=id',
  '} server { listen 80;',
  '{{secret}}',
  '\u202egpj.exe',
  '\u001b[2J\u0007',
  'x'.repeat(300),
];
const good = { backend: 'docker', region: 'local' };

describe('configurations', () => {
  test.each(
    text.flatMap((value) =>
      ['backend', 'region', 'domain', 'instance_type', 'profile'].map((member) => [member, value] as const),
    ),
  )('%s: %j', async (member, value) => {
    expectRefused(await call('PUT', '/gateways/edge', { ...good, [member]: value }), `#/${member}`);
    expectRefused(await call('POST', '/gateways/edge/plan', { ...good, [member]: value }), `#/${member}`);
  });

  test.each([
    ['tags', { 'gatewright-owner': 'me' }],
    ['tags', { a: 'x\ny' }],
    ['certificate', { type: 'acm', arn: '$(id)' }],
    ['name', 'another'],
    ['replicas', 10],
  ])('%s: %j', async (member, value) => {
    expectRefused(await call('PUT', '/gateways/edge', { ...good, [member]: value }), `#/${member}`);
  });

  test.each([
    ['another member', { ...good, admin: true }, '#/admin'],
    ['a wrong type', { ...good, replicas: '2' }, '#/replicas'],
    ['an operator object', { ...good, region: { not: '' } }, '#/region'],
    ['__proto__', '{"backend":"docker","region":"local","__proto__":{"polluted":1}}', '#/__proto__'],
    ['nothing', undefined, '#'],
  ])('%s', async (_what, body, pointer) => {
    expectRefused(await call('PUT', '/gateways/edge', body), pointer);
  });

  test('a body of 70 kB: 413', async () => {
    expectProblem(
      await call('PUT', '/gateways/edge', { ...good, domain: 'x'.repeat(70_000) }),
      413,
      'PAYLOAD_TOO_LARGE',
    );
  });
});

describe('names in addresses', () => {
  test.each([
    'Edge',
    'e',
    '..%2f..',
    'edge%0a',
    'edge%00',
    '%1b%5b2J',
    "edge';--",
    '-x',
    'x'.repeat(42),
    '%e2%84%aaelvin',
  ])('%s names nothing', async (name) => {
    for (const reply of [
      await call('PUT', `/gateways/${name}`, good),
      await call('GET', `/gateways/${name}`),
      await call('DELETE', `/gateways/${name}`),
      await call('GET', `/gateways/${name}/events`),
      await call('POST', `/gateways/${name}/scale`, { replicas: 2 }),
      await call('PUT', `/profiles/${name}`, {}),
    ])
      expectProblem(reply, 404, 'NOT_FOUND');
  });

  test.each(['-1', '1e2', '0x1', '10000', '%30%00', 'NaN'])('%s is no number of a replica', async (num) => {
    expectProblem(await call('POST', `/gateways/edge/replicas/${num}/replace`), 404, 'NOT_FOUND');
  });
});

test.each(['1', 'W/"x', '"1", "2"', '"a\tb"', `"${'1'.repeat(200)}"`])('If-Match %j: 400', async (match) => {
  expectProblem(await call('PUT', '/gateways/edge', good, { 'if-match': match }), 400, 'INVALID_INPUT');
});

describe('profiles', () => {
  const health = { kind: 'http', port: 80, path: '/', expect: { status: 200 } };
  const profile = (changes: object) => ({ values: {}, files: [], scripts: [], health, ...changes });
  const file = (changes: object) => profile({ files: [{ path: 'a', mode: '0644', content: '', ...changes }] });

  test.each<[string, object]>([
    ['a path upwards', file({ path: '../../etc/cron.d/x' })],
    ['a path with a command', file({ path: '$(id)' })],
    ['a mode with setuid', file({ mode: '4755' })],
    ['an owner with a command', file({ owner: 'root; id' })],
    ['a template without its value', file({ content: '{{missing}}', template: true })],
    ['a script of an unsafe name', profile({ scripts: [{ name: 'a b', content: '', timeoutMs: 1, runs: 'always' }] })],
    ['a health check elsewhere', profile({ health: { ...health, path: '@evil.test/' } })],
    ['a pattern that never ends', profile({ values: { x: { type: 'string', pattern: '(a+)+' } } })],
    ['another member', profile({ command: 'id' })],
    ['another name', profile({ name: 'other' })],
  ])('%s', async (_what, body) => {
    const reply = await call('PUT', '/profiles/web', body);
    expectProblem(reply, 400, 'PROFILE_INVALID');
    expect(reply.json.detail).toMatch(/^[^\p{C}\u2028\u2029]*$/u);
  });
});
