import { readCases, type Case } from '../support/cases';
import { TestApi, type Reply } from './support/api';
import { DstackProject, echoed, shownMessage, spec } from './support/dstack';
import { reconcile, settle } from './support/fleet';

interface ApiCase extends Case {
  readonly kind: string;
  readonly given: {
    /** The call, as in `.../gateways/get_plan`. */
    readonly post?: string;
    /** What there is: null, `same`, or a state. */
    readonly existing?: string | null;
    readonly configuration?: object;
  };
  readonly expected: {
    readonly status_code?: number;
    readonly message?: string;
    readonly message_contains?: string;
    readonly action?: string;
    readonly no_changes?: boolean;
    readonly current_resource?: null;
  };
}

const cases = readCases<ApiCase>('gateway_cases.json').filter(({ kind }) => kind === 'api');
let api: TestApi;
let project: DstackProject;

beforeAll(async () => {
  api = await TestApi.start({ fleetPolicy: { maxReplicas: 3 } });
});
beforeEach(() => {
  project = new DstackProject(api);
});
afterAll(() => api.close());

/** A gateway that runs, as a client sees it. */
async function running(changes: object = {}): Promise<Record<string, unknown>> {
  expect((await project.apply(changes)).status).toBe(200);
  await settle(api.store, await project.stored());
  const got = await project.gateways('get', { name: 'edge' });
  expect(got.json.status).toBe('running');
  return echoed(got.json as Record<string, unknown>);
}

/** A gateway whose only replica could not be made. */
async function failed(): Promise<Record<string, unknown>> {
  expect((await project.apply()).status).toBe(200);
  const gateway = await project.stored();
  const [replica] = await reconcile(api.store, gateway);
  await api.store.fleet.replicas.move(project.organizationId, replica!.id, 'drop', { statusMessage: 'No capacity' });
  await reconcile(api.store, gateway);
  const got = await project.gateways('get', { name: 'edge' });
  expect(got.json.status).toBe('failed');
  return echoed(got.json as Record<string, unknown>);
}

/** Fails unless an answer refuses as a row says, and nothing of the gateway has changed. */
async function expectRefused(reply: Reply, { expected }: ApiCase): Promise<void> {
  expect(shownMessage(reply)).toMatchObject({ status: expected.status_code, code: 'error' });
  const { message } = shownMessage(reply);
  if (expected.message !== undefined) expect(message).toBe(expected.message);
  if (expected.message_contains !== undefined) expect(message).toContain(expected.message_contains);
}

/** What rows mean over HTTP that do not say everything themselves. */
const meanings: Readonly<Record<string, (row: ApiCase) => Promise<void>>> = {
  'create refused: replicas above the server limit': async (row) => {
    const { configuration } = spec(row.given.configuration) as { configuration: object };
    await expectRefused(await project.gateways('create', { configuration }), row);
    expect(await project.stored()).toBeNull();
    const { configuration: allowed } = spec({ ...row.given.configuration, replicas: 3 }) as { configuration: object };
    expect((await project.gateways('create', { configuration: allowed })).status).toBe(200);
  },

  'apply: in-place update of domain/default/replicas': async ({ expected: { status_code: status } }) => {
    const current = await running();
    const before = await project.stored();
    const changes = { domain: 'example.org', default: false, replicas: 3 };
    const applied = await project.apply(changes, current);
    expect(applied.status).toBe(status);
    expect(applied.json).toMatchObject({
      id: before.id,
      default: false,
      wildcard_domain: 'example.org',
      configuration: changes,
    });
    expect(await project.stored()).toMatchObject({ desiredReplicas: 3, isDefault: false, createdAt: before.createdAt });
  },

  'apply: other field changed': async (row) => {
    const current = await running();
    await expectRefused(await project.apply({ region: 'us-east-1' }, current), row);
    expect((await project.stored()).configuration.region).toBe('eu-west-1');
  },

  'apply: missing or mismatching current_resource without force': async (row) => {
    const current = await running();
    const change = { domain: 'example.org' };
    await expectRefused(await project.apply(change, null), row);
    await expectRefused(await project.apply(change, { ...current, id: '9d2f6b1c-4e7a-4b0d-8c35-1a2b3c4d5e6f' }), row);
    expect((await project.apply({ replicas: 2 }, current)).status).toBe(200);
    await expectRefused(await project.apply(change, current), row);
    expect((await project.stored()).configuration.domain).toBe('example.com');
    expect((await project.apply({ ...change, replicas: 2 }, null, true)).status).toBe(200);
    expect((await project.stored()).configuration.domain).toBe('example.org');
  },

  'apply: to_be_deleted': async (row) => {
    const current = await running();
    expect((await project.gateways('delete', { names: ['edge'] })).status).toBe(200);
    for (const force of [false, true])
      await expectRefused(await project.apply({ domain: 'example.org' }, current, force), row);
    await expectRefused(await project.apply({}, current), row);
  },

  'apply: FAILED (force or not)': async (row) => {
    const current = await failed();
    for (const force of [false, true])
      await expectRefused(await project.apply({ domain: 'example.org' }, current, force), row);
    await expectRefused(await project.apply({}, current), row);
  },

  'apply: non-admin': async ({ expected: { status_code: status } }) => {
    const body = { plan: { spec: spec(), current_resource: null }, force: false };
    for (const scope of ['read', 'operate'] as const) {
      const token = await api.token(scope, project.organizationId);
      const reply = await project.gateways('apply', body, token);
      expect([reply.status, reply.json]).toEqual([status, { detail: { code: null, msg: 'Access denied' } }]);
    }
    expect(await project.stored()).toBeNull();
    const admin = await api.token('admin', project.organizationId);
    expect((await project.gateways('apply', body, admin)).status).toBe(200);
  },
};

/** What a row means that says everything itself: what there is, the call, the configuration. */
async function byShape(row: ApiCase): Promise<void> {
  const { post, existing = null, configuration = {} } = row.given;
  const call = /[^/]*$/.exec(post ?? '')![0];
  const there: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
    ...{ same: () => running(configuration), running, failed },
    to_be_deleted: async () => {
      const current = await running();
      expect((await project.gateways('delete', { names: ['edge'] })).status).toBe(200);
      return current;
    },
  };
  const begin = existing === null ? () => Promise.resolve(null) : there[existing];
  if (!begin || !['get_plan', 'apply', 'create'].includes(call))
    throw new Error('nobody knows what this row means over HTTP');
  const current = await begin();
  const wanted = spec(configuration) as { configuration: object };
  const bodies: Readonly<Record<string, object>> = {
    get_plan: { spec: wanted },
    apply: { plan: { spec: wanted, current_resource: current }, force: false },
    create: { configuration: wanted.configuration },
  };
  const reply = await project.gateways(call, bodies[call]);
  const { status_code: status = 200, no_changes: same, message, message_contains: part, ...members } = row.expected;
  if (message !== undefined || part !== undefined) return await expectRefused(reply, row);
  expect([reply.status, reply.json]).toEqual([status, expect.objectContaining(members)]);
  if (same === undefined) return;
  const { default: _, ...found } = reply.json.current_resource.configuration;
  const { default: __, ...effective } = reply.json.effective_spec.configuration;
  if (same) expect(found).toEqual(effective);
  else expect(found).not.toEqual(effective);
}

test.each(cases.map((row) => [row.name, row] as const))('%s', async (name, row) => {
  await (meanings[name] ?? byShape)(row);
});
