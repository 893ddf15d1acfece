import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { seed } from '../support/random';
import { TestApi, type Reply } from './support/api';
import { DstackProject, shownMessage, spec } from './support/dstack';

/* What reaches dstack's API that is no gateway: refused in the shape that its clients read, and nothing is stored. */

let api: TestApi;
let project: DstackProject;
beforeAll(async () => {
  api = await TestApi.start();
  project = new DstackProject(api);
});
afterEach(async () => {
  expect(await api.store.fleet.gateways.all()).toEqual([]);
  expect(api.engine.told).toEqual({ gateways: [], replicas: [] });
});
afterAll(async () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  await api.close();
});

/** Fails unless an answer is an error of dstack's shape that nothing obeys where it is shown. */
function expectError(reply: Reply, status: number): void {
  expect([reply.status, reply.headers.get('content-type'), reply.text]).toEqual([
    status,
    expect.stringMatching(/^application\/json/),
    expect.stringMatching(/^\{"detail":/),
  ]);
  JSON.stringify(reply.json, (_, value: unknown) => {
    if (typeof value === 'string') expect(value).toMatch(/^[^\p{C}\u2028\u2029]*$/u);
    return value;
  });
  const { detail } = reply.json as { detail: unknown };
  if (status === 422) {
    for (const item of detail as object[]) expect(Object.keys(item).sort()).toEqual(['loc', 'msg', 'type']);
    expect((detail as object[]).length).toBeGreaterThan(0);
  } else if (status === 400) expect(shownMessage(reply).message).toMatch(/./);
  else expect(detail).toEqual({ code: null, msg: expect.stringMatching(/./) });
}

const text = [
  "'; touch scratch #",
  '$(touch scratch)',
  '`id`',
  'edge\n',
  'edge\r\nX-Evil: 1',
  'edge\0',
  '../../etc/passwd',
  '-oProxyCommand=id',
  '; return 200 pwned; #',
  '} server { listen 80;',
  '{{secret}}',
  '${{ secrets.token }}',
  '\u212aelvin',
  '\u202egpj.exe',
  '\u001b[2J\u001b]0;title\u0007',
  '[/red]',
  "' OR 1=1 --",
  'x'.repeat(300),
];

describe('values of a configuration', () => {
  const members: [string, unknown][] = [
    ...text.flatMap((value): [string, unknown][] => [
      ['name', value],
      ['region', value],
      ['backend', value],
      ['domain', value],
      ['instance_type', value],
      ['tags', { team: value.includes('/') || value === "' OR 1=1 --" ? `${value}\0` : `${value};` }],
      ['tags', { [`${value};`]: 'x' }],
      ['certificate', { type: 'acm', arn: value }],
    ]),
    ...['', 'Edge', '1edge', 'e', 'edge_1', '_', 'ed ge'].map((name): [string, unknown] => ['name', name]),
    ...['', '*.example.com', 'example', '.', 'EXAMPLE.com', 'a..b', '-a.b', `${'a'.repeat(64)}.b`].map(
      (domain): [string, unknown] => ['domain', domain],
    ),
    ...['gatewright-owner', 'Gatewright.owner', 'aws:name', ''].map((key): [string, unknown] => [
      'tags',
      { [key]: '' },
    ]),
    ['tags', Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`k${n}`, 'v']))],
    ['replicas', 10],
    ['replicas', 1e15],
    ['certificate', { type: 'gcp-cm', name: 'x' }],
    ['load_balancer', { type: 'alb' }],
    ['region', 'mars-1'],
    ['backend', 'gcp'],
  ];

  test.each(members)('%s: %j is refused by every call, with a message', async (member, value) => {
    const wanted = spec({ [member]: value }) as { configuration: object };
    for (const reply of [
      await project.gateways('get_plan', { spec: wanted }),
      await project.gateways('apply', { plan: { spec: wanted, current_resource: null }, force: true }),
      await project.gateways('create', { configuration: wanted.configuration }),
    ])
      expectError(reply, 400);
  });
});

describe('bodies that are none', () => {
  const configuration = (changes: object) => ({ spec: spec(changes) });
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an array', []],
    ['no JSON', '{"spec":'],
    ['text', '"edge"'],
    ['another member', { ...configuration({}), admin: true }],
    ['another member of the configuration', configuration({ profile: 'default' })],
    ['an escape sequence for a member', configuration({ '\u001b[2J\n': 1 })],
    ['a wrong type', configuration({ type: 'service' })],
    ['no region', configuration({ region: undefined })],
    ['an operator object', configuration({ name: { not: '' } })],
    ['a number as name', configuration({ name: 7 })],
    ['no replicas', configuration({ replicas: 0 })],
    ['half a replica', configuration({ replicas: 1.5 })],
    ['replicas as text', configuration({ replicas: '2' })],
    ['tags that are a list', configuration({ tags: ['a'] })],
    ['tags of tags', configuration({ tags: { a: { b: 'c' } } })],
    ['an unknown certificate', configuration({ certificate: { type: 'own', key: '/etc/shadow' } })],
    ['a router', configuration({ router: 'sglang' })],
    ['__proto__', `{"spec":{"configuration":{"__proto__":{"polluted":1}}}}`],
    ['constructor', `{"spec":{"constructor":{"prototype":{"polluted":1}}}}`],
    ['deep nesting', `{"spec":${'['.repeat(2000)}${']'.repeat(2000)}}`],
  ])('%s: 422', async (_what, body) => {
    expectError(await project.gateways('get_plan', body), 422);
  });

  test('a current resource that is none: 422', async () => {
    for (const current of [7, 'edge', {}, { id: '../x', configuration: {} }, { id: project.organizationId }])
      expectError(
        await project.gateways('apply', { plan: { spec: spec(), current_resource: current }, force: false }),
        422,
      );
  });

  test('70 kB, and 5 MB that were 5 kB when zipped: 413', async () => {
    expectError(await project.gateways('get_plan', { spec: 'x'.repeat(70_000) }), 413);
    const response = await fetch(`${api.url}/api/project/${project.organizationId}/gateways/get_plan`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.tokens.admin}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(JSON.stringify({ spec: 'x'.repeat(5_000_000) })),
    });
    expect([response.status, await response.json()]).toEqual([
      413,
      { detail: { code: null, msg: expect.stringMatching(/./) } },
    ]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=koi8-r'])(
    '%s is not read',
    async (type) => {
      const headers = { 'content-type': type };
      const path = `/api/project/${project.organizationId}/gateways/get_plan`;
      const reply = await api.call('POST', path, { body: { spec: spec() }, token: api.tokens.admin, headers });
      expectError(reply, 400);
    },
  );

  test('whatever JSON it is: an error of theirs, never one of the server', async () => {
    const paths = ['list', 'get', 'get_plan', 'apply', 'create', 'delete', 'set_default', 'set_wildcard_domain'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 4 }), async (path, body) => {
        const reply = await project.gateways(path, JSON.stringify({ plan: body, spec: body, name: body, names: body }));
        expectError(reply, 422);
      }),
      { seed, numRuns: 200 },
    );
  });
});

describe('names', () => {
  test.each(text)('%j names no gateway', async (name) => {
    for (const [call, body] of [
      ['get', { name }],
      ['set_default', { name, gateway_project: null }],
      ['set_wildcard_domain', { name, wildcard_domain: 'example.com' }],
    ] as const) {
      const reply = await project.gateways(call, body);
      expectError(reply, 400);
      expect(shownMessage(reply)).toEqual({ status: 400, code: 'resource_not_exists', message: 'Resource not found' });
    }
    expect((await project.gateways('delete', { names: [name] })).status).toBe(200);
  });

  test('too many names at once: 422', async () => {
    expectError(await project.gateways('delete', { names: Array.from({ length: 1_001 }, () => 'edge') }), 422);
  });

  test.each(['main', '..%2f..%2fetc', '%00', '%e2%80%ae', '%1b%5b2J', '*', '%5b%2fred%5d'])(
    'a project %s is not there',
    async (name) => {
      expectError(await project.call(`/project/${name}/gateways/list`), 404);
      expectError(await project.call(`/projects/${name}/get`), 404);
    },
  );

  test('an address that is none, a method that is none', async () => {
    expectError(await project.call('/runs/list', {}), 404);
    expectError(await project.call('/project/%ZZ/gateways/list'), 400);
    const path = `/api/project/${project.organizationId}/gateways/list`;
    expectError(await api.call('GET', path, { token: api.tokens.admin }), 405);
  });
});

describe('headers', () => {
  const listed = (headers: Record<string, string>) =>
    api.call('POST', `/api/project/${project.organizationId}/gateways/list`, {
      token: api.tokens.admin,
      headers,
    });

  test.each(['one', '0.22.5;id', '0.23.0', '1.0', '-1', '9'.repeat(200), '0.22.5 [/red]', '..'])(
    'a client of version %j is refused with a message',
    async (version) => {
      expectError(await listed({ 'x-api-version': version }), 400);
    },
  );

  test.each(['latest', '0.22.99', '0.22.5rc1', '0.0.0', '0.18.2+local'])(
    'one of version %j is served',
    async (version) => {
      expect((await listed({ 'x-api-version': version })).status).toBe(200);
    },
  );

  test.each(['', 'Bearer', 'Bearer x', 'Basic YTpi', `Bearer gw_${'0'.repeat(16)}_${'a'.repeat(64)}`])(
    'the token %j is refused',
    async (authorization) => {
      expectError(await listed({ authorization }), 403);
    },
  );
});

describe('filters of events', () => {
  test.each<[string, object]>([
    ['an id that is none', { target_gateways: ["' OR 1=1 --"] }],
    ['too many ids', { target_gateways: Array.from({ length: 17 }, () => crypto.randomUUID()) }],
    ['two targets', { target_gateways: [crypto.randomUUID()], target_projects: [crypto.randomUUID()] }],
    ['no time', { prev_recorded_at: 'now' }],
    ['too many', { limit: 101 }],
    ['none', { limit: 0 }],
    ['another member', { where: '1=1' }],
  ])('%s: 422', async (_what, body) => {
    expectError(await project.call('/events/list', body), 422);
  });
});
