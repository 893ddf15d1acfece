import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetGatewayJson, FleetPlanJson, FleetReplicaJson } from '../../cli/fleet-shapes';
import type { StepNow } from '../../cli/fleet-steps';
import { gatewayView } from '../../cli/fleet-view';
import type { Io } from '../../cli/io';
import { clip, tame } from '../../cli/text';
import { FakeApi } from './support/fake-api';
import { at, organization, token } from './support/fixtures';
import { runCli, testIo, type Ended } from './support/run-cli';

/* What the commands about gateways say and ask, against an API whose answers the tests give. */

let api: FakeApi;
const directory = mkdtempSync(join(tmpdir(), 'gatewright-cli-'));
const file = join(directory, 'edge.yaml');

beforeEach(async () => {
  api = await FakeApi.start();
});
afterEach(async () => {
  await api.close();
  expect(api.wrong).toEqual([]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function cli(line: string, over: Partial<Io> = {}): Promise<Ended> {
  const env = { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token, GATEWRIGHT_ORGANIZATION: organization };
  return await runCli(line.split(' '), { env, ...over });
}

const gatewayId = '3d0f6c1e-74a5-4b52-8f3f-6f0f4f0c9a10';
const replicaOf = (num: number): string => `7d1f6a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5${num}`;

function replica(num: number, over: Partial<FleetReplicaJson> = {}): FleetReplicaJson {
  const id = replicaOf(num);
  return {
    ...{ id, num, generation: 1, name: `edge-${num}`, state: 'running', status_message: null, backend: 'docker' },
    ...{ region: 'local', instance_id: `c0ffee${num}`, ssh: { host: '10.88.0.4', port: 22, user: 'root' } },
    ...{ host_key: 'ssh-ed25519 AAAA', address: `10.88.0.${num + 4}:8190`, scale_in: false, connect_attempts: 1 },
    ...{ health_failures: 0, applied_profile: { name: 'default', revision: 0 }, created_at: at(0), rollout: null },
    runs: { provision: `provision-${id}`, retire: `retire-${id}` },
    ...{ running_at: at(30_000), terminated_at: null, resource_version: 4 },
    ...over,
  };
}

function gateway(over: Partial<FleetGatewayJson> = {}): FleetGatewayJson {
  return {
    ...{ id: gatewayId, organization_id: organization, name: 'edge', state: 'running', status_message: null },
    configuration: { type: 'gateway', name: 'edge', backend: 'docker', region: 'local' },
    ...{
      default: true,
      wildcard_domain: null,
      desired_replicas: 2,
      profile: { name: 'default', revision: 0 },
      rollout: null,
    },
    ...{ scale_attempt: 0, last_scale_attempt_at: null, deletion_marked_at: null, created_at: at(0) },
    ...{ last_update_at: null, conditions: [], replicas: [replica(0), replica(1)], resource_version: 7 },
    ...over,
  };
}

function plan(over: Partial<FleetPlanJson> = {}): FleetPlanJson {
  const changes = [{ field: 'replicas', from: 1, to: 2, in_place: true }];
  const configuration = { type: 'gateway', name: 'edge' };
  return { action: 'update', no_changes: false, changes, configuration, resource_version: 7, ...over };
}

const problem = (status: number, code: string, more: object = {}) => ({
  status,
  body: {
    ...{ type: 'https://gatewright.dev/problems/x', code, status, title: 'No', detail: 'It is not so.' },
    ...{ instance: 'urn:uuid:1', ...more },
  },
});
const noEvents = { status: 200, body: { events: [], next_page_token: null } };

describe('whose gateways are meant', () => {
  beforeEach(() => api.answer('listGateways', { status: 200, body: { gateways: [] } }));
  const asked = (): string => api.seen.at(-1)!.path;

  test('is said by option, by the environment, or by the home whose API it is', async () => {
    const other = organization.replace(/.$/, '0');
    await cli(`gateway list --organization ${other}`);
    expect(asked()).toBe(`/v1/organizations/${other}/gateways`);
    await cli('gateway list');
    expect(asked()).toBe(`/v1/organizations/${organization}/gateways`);
    const home = join(directory, 'home');
    mkdirSync(join(home, 'run'), { recursive: true });
    const record = { apiUrl: api.url, tokenFile: join(home, 'token'), organization: other };
    writeFileSync(record.tokenFile, token);
    writeFileSync(join(home, 'run', 'environment.json'), JSON.stringify(record));
    expect((await runCli(['gateway', 'list', '--home', home])).code).toBe(0);
    expect(asked()).toBe(`/v1/organizations/${other}/gateways`);
    // The demo's organization means nothing to another API.
    writeFileSync(join(home, 'run', 'environment.json'), JSON.stringify({ ...record, apiUrl: 'http://127.0.0.1:1' }));
    const env = { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token };
    const ended = await runCli(['gateway', 'list', '--home', home], { env });
    expect([ended.code, ended.err]).toEqual([
      2,
      'whose gateways?  USAGE\n  try  --organization ID\n       GATEWRIGHT_ORGANIZATION=ID\n',
    ]);
  });

  test('is an id, and nothing that could lead elsewhere', async () => {
    const seen = api.seen.length;
    for (const wrong of ['../../tokens', 'me', organization.toUpperCase()]) {
      expect((await cli(`gateway list --organization ${wrong}`)).code).toBe(2);
      const env = { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token, GATEWRIGHT_ORGANIZATION: wrong };
      expect((await runCli(['gateway', 'list'], { env })).code).toBe(2);
    }
    for (const wrong of ['gateway get ../x', 'gateway delete Edge', 'profile show a/b', 'gateway scale edge 0'])
      expect((await cli(wrong)).code).toBe(2);
    expect(api.seen).toHaveLength(seen);
  });
});

describe('a file of configuration', () => {
  test.each([
    ['', 'is empty'],
    ['- a\n', 'is not a map, as in `type: gateway`'],
    ['type: gateway\nname: edge\nname: other\n', 'edge.yaml:3:1: Map keys must be unique'],
    ['type: gateway\n---\ntype: gateway\n', 'holds several documents; apply them one at a time'],
    ['type: service\nname: edge\n', 'type: must be gateway'],
    ['type: gateway\nname: "x y"\n', 'name: must be 2 to 41 lower-case letters'],
    ['type: gateway\nname: [\n', 'edge.yaml:'],
    [`type: gateway\nname: edge\ndomain: ${'x'.repeat(70_000)}\n`, 'has more than 64 kB'],
    [`a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b]\n`, 'alias'],
  ])('is refused where it is none (%#)', async (text, why) => {
    writeFileSync(file, text);
    const ended = await cli(`apply -f ${file}`);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toContain(why);
    expect(api.seen).toEqual([]);
  });

  test('may come on standard input', async () => {
    api.answer('planGateway', { status: 200, body: plan({ action: 'create', resource_version: null, changes: [] }) });
    const input = (): Promise<string> =>
      Promise.resolve('{"type": "gateway", "name": "edge", "backend": "docker", "region": "local"}');
    expect((await cli('apply -f - --plan', { input })).code).toBe(0);
    expect(api.seen[0]).toMatchObject({ body: { type: 'gateway', name: 'edge', backend: 'docker' } });
    const nothing = await cli('apply -f -');
    expect(nothing.err).toContain('standard input: is empty');
    expect((await cli(`apply -f ${join(directory, 'none')}`)).err).toContain('cannot be read (ENOENT)');
  });
});

describe('applying', () => {
  beforeEach(() => {
    writeFileSync(file, 'type: gateway\nname: edge\nbackend: docker\nregion: local\nreplicas: 2\n');
    api.answer('planGateway', { status: 200, body: plan() });
    api.answer('listOrganizationGatewayEvents', noEvents);
    api.answer('applyGateway', { status: 200, body: gateway() });
  });
  const puts = () => api.seen.filter(({ operation }) => operation === 'applyGateway');

  test('names the version that was looked at; a new gateway must not be there yet', async () => {
    await cli(`apply -f ${file} -y`);
    expect(puts()[0]!.headers).toMatchObject({ 'if-match': '"7"' });
    api.answer('planGateway', { status: 200, body: plan({ action: 'create', changes: [], resource_version: null }) });
    await cli(`apply -f ${file} -y`);
    expect(puts()[1]!.headers).toMatchObject({ 'if-none-match': '*' });
    expect(puts()[1]!.headers).not.toHaveProperty('if-match');
  });

  test('goes on when the gateway changed in what the plan does not speak of', async () => {
    api.answer('applyGateway', problem(412, 'PRECONDITION_FAILED', { currentVersion: 8 }), {
      status: 200,
      body: gateway(),
    });
    api.answer('planGateway', { status: 200, body: plan() }, { status: 200, body: plan({ resource_version: 8 }) });
    expect((await cli(`apply -f ${file} -y`)).code).toBe(0);
    expect(puts().map(({ headers }) => headers['if-match'])).toEqual(['"7"', '"8"']);
  });

  test('does nothing when what the person agreed to is not so any more', async () => {
    api.answer('applyGateway', problem(412, 'PRECONDITION_FAILED', { currentVersion: 8 }));
    const other = plan({ resource_version: 8, changes: [{ field: 'replicas', from: 5, to: 2, in_place: true }] });
    api.answer('planGateway', { status: 200, body: plan() }, { status: 200, body: other });
    const ended = await cli(`apply -f ${file} -y`);
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('Gateway edge was changed meanwhile; nothing was done');
    expect(puts()).toHaveLength(1);
  });

  test('asks nobody where nobody is, and not with JSON', async () => {
    const ask = jest.fn(() => Promise.resolve('y'));
    for (const [line, over] of [
      [`apply -f ${file}`, {}],
      [`apply -f ${file} --json`, { ask }],
    ] as const) {
      const ended = await cli(line, over);
      expect(ended.code).toBe(2);
      expect(ended.out + ended.err).toContain('-y    to do it without being asked');
    }
    expect(ask).not.toHaveBeenCalled();
    const left = await cli(`apply -f ${file}`, { ask: () => Promise.resolve(undefined) });
    expect([left.code, left.err]).toEqual([130, 'Nothing was done  INTERRUPTED\n']);
    expect(puts()).toEqual([]);
  });

  test('shows what the API refuses, member by member', async () => {
    const errors = [
      { detail: 'replicas: must be a whole number from 1.', pointer: '#/replicas' },
      { detail: 'There is no member "foo".', pointer: '#/foo' },
    ];
    api.answer('planGateway', {
      ...problem(400, 'INVALID_INPUT', { detail: errors.map((e) => e.detail).join(' '), errors }),
    });
    const ended = await cli(`apply -f ${file} -y`);
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('replicas: must be a whole number from 1. There is no member "foo".');
  });

  test('says how to go on where the gateway is on its way out', async () => {
    api.answer('planGateway', problem(409, 'STATE_CONFLICT', { state: 'running' }));
    expect((await cli(`apply -f ${file} -y`)).err).toContain('try    gatewright gateway watch edge\n');
  });
});

describe('lists', () => {
  test('keep to the width of the terminal', async () => {
    const failed = 'Failed to connect to gateway';
    const replicas = [replica(0), replica(1, { state: 'terminating', status_message: failed })];
    api.answer('listGateways', { status: 200, body: { gateways: [gateway({ replicas })] } });
    api.answer('listGatewayReplicas', { status: 200, body: { replicas } });
    const wide = await cli('replica list');
    expect(wide.out).toBe(`\
replica  state          for  serves at       ssh                machine  profile              why
edge-0   running      1 min  10.88.0.4:8190  root@10.88.0.4:22  c0ffee0  default, as shipped
edge-1   terminating  2 min  10.88.0.5:8190  root@10.88.0.4:22  c0ffee1  default, as shipped  ${failed}
`);
    const narrow = await cli('replica list', { terminal: true, columns: 80 });
    expect(Math.max(...narrow.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(narrow.out).toContain(failed);
    expect((await cli('gateway list')).out).toBe(`\
gateway  state    running  backend  region  default  profile              made
edge     running   1 of 2  docker   local   yes      default, as shipped  2 min ago
`);
  });

  test('show a gateway that is being deleted as that', async () => {
    const going = gateway({ deletion_marked_at: at(60_000), replicas: [] });
    api.answer('getGateway', { status: 200, body: going });
    const { out } = await cli('gateway get edge');
    expect(out).toContain('state     running, being deleted\n');
    expect(out).toMatch(/No replicas\.\n$/);
  });
});

describe('a gateway that is drawn', () => {
  const colourless = (text: string): string[] =>
    // eslint-disable-next-line no-control-regex
    text.replace(/\u001b\[(\d+A|K|J)/g, '').split('\n');

  test.each([
    [76, 12],
    [100, 24],
    [120, 50],
  ])('keeps to a terminal of %i by %i', (columns, rows) => {
    let drawn = '';
    const io = testIo({ terminal: true, columns, rows, out: (text) => void (drawn = text) });
    const name = 'a-gateway-with-the-longest-name-of-41-chars';
    const long = '日本語 and what else a machine may have to say, at length '.repeat(5);
    const replicas = Array.from({ length: 30 }, (_, num) =>
      replica(num, {
        ...{ id: `${num}`, name: `${name}-${num}`, status_message: long },
        state: num % 2 === 0 ? 'running' : 'terminating',
      }),
    );
    const step: StepNow = {
      runId: 'x',
      state: 'running',
      step: 'configure',
      phase: 'undo',
      attempt: 3,
      since: at(0),
      error: { code: 'SCRIPT_FAILED', message: long },
      line: null,
    };
    const steps = new Map(
      replicas.map(({ id }, index) => [id, index % 3 === 0 ? { ...step, error: null } : step] as const),
    );
    const view = gatewayView(io, name, 'text');
    const present = gateway({ name, replicas, desired_replicas: 30, deletion_marked_at: at(0) });
    view.show({ gateway: present, steps }, []);
    const wide = (text: string): number => [...text].reduce((sum, one) => sum + (one >= '\u2e80' ? 2 : 1), 0);
    const lines = colourless(drawn);
    expect(Math.max(...lines.map(wide))).toBeLessThan(columns);
    expect(lines.length).toBeLessThanOrEqual(rows);
    // Those that something happens to come first, and a replica's number is always to be seen.
    expect(drawn).toMatch(/-1 +terminating +undo configure +2 min/);
    if (rows < 30) expect(drawn).toMatch(/and \d+ more/);
    view.show({ gateway: present, steps }, []);
    expect(drawn.startsWith(`\u001b[${lines.length - 1}A`)).toBe(true);
    view.show({ gateway: null, steps }, []);
    expect(colourless(drawn)[0]).toMatch(/ {2}deleted /);
  });

  test('says why it keeps replicas that are to go, once that lasts', () => {
    let drawn = '';
    const io = testIo({ terminal: true, columns: 120, rows: 24, out: (text) => void (drawn = text) });
    const view = gatewayView(io, 'edge', 'text');
    const now = { gateway: gateway({ desired_replicas: 1 }), steps: new Map() };
    view.show(now, []);
    expect(drawn).not.toContain('--force');
    view.show(now, []);
    view.show(now, []);
    expect(drawn).toContain('gatewright gateway scale edge 1 --force');
  });
});

describe('a sweep', () => {
  const report = (over: object) => ({
    state: 'done',
    ...{ dry_run: false, orphans: [], too_young: [], lost: [], unreachable: [], ...over },
  });

  test('is asked for again while it goes on, and tells of each kind', async () => {
    const orphan = {
      backend: 'aws',
      region: 'eu-west-1',
      instance_id: 'i-0123456789abcdef0',
      replica_id: null,
      why: 'no replica',
    };
    const lost = { organization_id: organization, gateway_id: gatewayId, replica_id: replicaOf(0), name: 'edge-0' };
    const unreachable = [{ backend: 'docker', error: { code: 'CLOUD_UNAVAILABLE', message: 'no answer\u001b[2J' } }];
    const body = report({ orphans: [orphan], too_young: [orphan, orphan], lost: [lost], unreachable });
    api.answer('sweep', { status: 202, body: { state: 'running', dry_run: false } }, { status: 200, body });
    const ended = await cli('sweep');
    // What could not be looked at may hold anything.
    expect(ended.code).toBe(1);
    expect(ended.out).toBe(`\
1 machine destroyed:
machine              backend  region     why         replica
i-0123456789abcdef0  aws      eu-west-1  no replica

2 machines left alone, being too young:
machine              backend  region     why         replica
i-0123456789abcdef0  aws      eu-west-1  no replica
i-0123456789abcdef0  aws      eu-west-1  no replica

1 replica replaced, having no machine any more:
replica  organization
edge-0   ${organization}

docker could not be looked at: CLOUD_UNAVAILABLE  no answer [2J
`);
    expect(api.seen.map(({ body }) => body)).toEqual([{ dry_run: false }, { dry_run: false }]);
  });
});

describe('profiles', () => {
  const document = {
    ...{ name: 'web', values: {}, files: [{ path: 'motd', mode: '0644', content: 'hello' }], scripts: [] },
    health: { kind: 'http', port: 80, path: '/', expect: { status: 200 } },
  };
  const stored = (revision: number) => ({ status: 200, body: { name: 'web', revision, document, created_at: at(0) } });

  test('are pushed from a directory with everything they need', async () => {
    const own = join(directory, 'profile');
    mkdirSync(own);
    writeFileSync(join(own, 'motd'), 'hello');
    writeFileSync(
      join(own, 'profile.yaml'),
      'name: web\nvalues: {}\nfiles:\n  - { path: motd, mode: "0644", from: motd }\nscripts: []\nhealth: { kind: http, port: 80, path: /, expect: { status: 200 } }\n',
    );
    api.answer('getProfile', problem(404, 'NOT_FOUND'), stored(1));
    api.answer('putProfile', stored(1));
    const first = await cli(`profile push ${own}`);
    expect(first.code).toBe(0);
    expect(first.out).toContain('revision  1\n');
    expect(api.seen.at(-1)!.body).toEqual(document);
    expect((await cli(`profile push ${join(own, 'profile.yaml')}`)).out).toContain('revision  1, as it was\n');
    writeFileSync(join(own, 'profile.yaml'), 'name: web\nvalues: {}\n');
    const wrong = await cli(`profile push ${own}`);
    expect([wrong.code, wrong.out]).toEqual([1, '']);
    expect(wrong.err).toContain('PROFILE_INVALID');
    expect((await cli(`profile push ${join(own, 'motd')}`)).err).toContain('its file is named profile.yaml');
  });

  test('are shown without what is in them', async () => {
    api.answer('getProfile', stored(3));
    const { out } = await cli('profile show web --revision 3');
    expect(api.seen[0]!.query).toEqual({ revision: '3' });
    expect(out).toContain('health    GET :80/ is 200\n');
    expect(out).toMatch(/^motd +0644 +5 B$/m);
    expect(out).not.toContain('hello');
  });
});

test('texts from elsewhere neither steer the terminal nor outgrow their place', () => {
  expect(tame('a\u001b[31mb\u202ec\u2066d\u009be\rf\tg\nh')).toBe('a [31mb c d e f g\nh');
  expect(clip('日本語のテキスト', 7)).toBe('日本…');
  expect(clip('plain text', 20)).toBe('plain text');
  expect(clip('plain text', 6)).toBe('plain…');
  expect(clip('anything', 0)).toBe('');
});
