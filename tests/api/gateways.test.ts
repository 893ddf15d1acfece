import { randomUUID } from 'node:crypto';
import { expectProblem, TestApi, type Reply } from './support/api';
import { reconcile, settle } from './support/fleet';

let api: TestApi;
let organization: string;
beforeAll(async () => {
  api = await TestApi.start({ fleetPolicy: { maxReplicas: 3 } });
});
beforeEach(() => {
  organization = randomUUID();
});
afterAll(() => api.close());

const configuration = { backend: 'docker', region: 'local', domain: 'example.com' };

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const address = `/v1/organizations/${organization}${path}`;
  return api.call(method, address, { body, headers, token: api.tokens.admin });
}

/** Applies `edge`, on the version that is there when `version` says so. */
function apply(changes: object = {}, version?: number, headers: Record<string, string> = {}): Promise<Reply> {
  const match: Record<string, string> = version === undefined ? {} : { 'if-match': `"${version}"` };
  return call('PUT', '/gateways/edge', { ...configuration, ...changes }, { ...match, ...headers });
}

async function running(changes: object = {}): Promise<Reply['json']> {
  expect((await apply(changes)).status).toBe(202);
  await settle(api.store, (await api.store.fleet.gateways.named(organization, 'edge'))!);
  const { json } = await call('GET', '/gateways/edge');
  expect(json.state).toBe('running');
  return json;
}

test('a gateway is made: 202 with where to look, and conditions that say how far it is', async () => {
  const reply = await apply({ replicas: 2 });
  expect(reply.status).toBe(202);
  expect(reply.headers.get('location')).toBe(`/v1/organizations/${organization}/gateways/edge`);
  expect(reply.headers.get('etag')).toBe(`"${reply.json.resource_version}"`);
  expect(reply.json).toMatchObject({
    organization_id: organization,
    ...{ name: 'edge', state: 'submitted', desired_replicas: 2, wildcard_domain: 'example.com', default: true },
    ...{ profile: { name: 'default', revision: 0 }, replicas: [], deletion_marked_at: null },
    configuration: { ...configuration, instance_type: null, public_ip: true, replicas: 2, tags: null },
  });
  expect(api.engine.told.gateways.at(-1)).toMatchObject({ organizationId: organization, gatewayId: reply.json.id });
  const ready = (json: { conditions: { type: string; status: string }[] }) =>
    json.conditions.find(({ type }) => type === 'Ready')!.status;
  expect(ready(reply.json)).toBe('False');
  await settle(api.store, (await api.store.fleet.gateways.named(organization, 'edge'))!);
  const { json } = await call('GET', '/gateways/edge');
  expect([json.state, ready(json)]).toEqual(['running', 'True']);
  expect(json.replicas.map(({ name, state }: Record<string, string>) => [name, state])).toEqual([
    ['edge-0', 'running'],
    ['edge-1', 'running'],
  ]);
  expect((await call('GET', '/gateways')).json.gateways).toEqual([json]);
});

test('sent again it is the same gateway, and nothing has changed', async () => {
  const { id, resource_version: version } = await running();
  const told = api.engine.told.gateways.length;
  const again = await apply();
  expect([again.status, again.json.id, again.json.resource_version]).toEqual([200, id, version]);
  // Whoever sends it again may do so because the workflow was not told.
  expect(api.engine.told.gateways).toHaveLength(told + 1);
  expectProblem(await apply({}, undefined, { 'if-none-match': '*' }), 412, 'PRECONDITION_FAILED');
});

test('a change in place names the version that it is meant for', async () => {
  const { resource_version: version } = await running();
  const unnamed = await apply({ domain: 'example.org' });
  expectProblem(unnamed, 428, 'PRECONDITION_REQUIRED');
  expect(unnamed.json.current_version).toBe(version);
  const stale = await apply({ domain: 'example.org' }, version - 1);
  expectProblem(stale, 412, 'PRECONDITION_FAILED');
  expect(stale.json.current_version).toBe(version);
  const changed = await apply({ domain: 'example.org' }, version);
  expect([changed.status, changed.json.wildcard_domain]).toEqual([200, 'example.org']);
  const scaled = await apply({ domain: 'example.org', replicas: 2 }, changed.json.resource_version);
  expect([scaled.status, scaled.json.desired_replicas]).toEqual([202, 2]);
  expectProblem(await apply({ domain: 'example.net' }, version), 412, 'PRECONDITION_FAILED');
});

test('a plan says what would happen and does nothing', async () => {
  const plan = async (changes: object) =>
    (await call('POST', '/gateways/edge/plan', { ...configuration, ...changes })).json;
  expect(await plan({})).toMatchObject({ action: 'create', changes: [], no_changes: false, resource_version: null });
  const { resource_version: version } = await running();
  expect(await plan({})).toMatchObject({ action: 'update', no_changes: true, resource_version: version });
  expect(await plan({ replicas: 2, domain: null })).toMatchObject({
    action: 'update',
    changes: [
      { field: 'domain', from: 'example.com', to: null, in_place: true },
      { field: 'replicas', from: 1, to: 2, in_place: true },
    ],
  });
  expect(await plan({ instance_type: 'large' })).toMatchObject({
    action: 'replace',
    changes: [{ field: 'instance_type', from: null, to: 'large', in_place: false }],
  });
  const refused = await apply({ instance_type: 'large' }, version);
  expectProblem(refused, 409, 'STATE_CONFLICT');
  expect(refused.json.detail).toBe('Gateway edge cannot be updated in-place. Delete it and re-apply.');
  expect((await call('GET', '/gateways/edge')).json.resource_version).toBe(version);
});

test('a gateway that failed or is to be deleted takes no change', async () => {
  await apply();
  const gateway = (await api.store.fleet.gateways.named(organization, 'edge'))!;
  const [replica] = await reconcile(api.store, gateway);
  await api.store.fleet.replicas.move(organization, replica!.id, 'drop', { statusMessage: 'No capacity' });
  await reconcile(api.store, gateway);
  expectProblem(await apply({ replicas: 2 }), 409, 'STATE_CONFLICT');
  expectProblem(await call('POST', '/gateways/edge/replicas/0/replace'), 409, 'STATE_CONFLICT');
  expectProblem(await call('DELETE', '/gateways/edge', undefined, { 'if-match': '"1"' }), 412, 'PRECONDITION_FAILED');
  const marked = await call('DELETE', '/gateways/edge');
  expect([marked.status, marked.json.deletion_marked_at]).toEqual([202, expect.any(String)]);
  expect((await call('DELETE', '/gateways/edge')).status).toBe(202);
  expectProblem(await apply(), 409, 'STATE_CONFLICT');
  expectProblem(await call('POST', '/gateways/edge/scale', { replicas: 2 }), 409, 'STATE_CONFLICT');
  await settle(api.store, gateway);
  expectProblem(await call('GET', '/gateways/edge'), 404, 'NOT_FOUND');
  const events = (await call('GET', '/gateway-events?page_size=100')).json.events as { message: string }[];
  expect(events.map(({ message }) => message)).toEqual(
    expect.arrayContaining(['Gateway created. Status: SUBMITTED', 'Gateway marked for deletion', 'Gateway deleted']),
  );
});

test('scaling changes how many there are; too many are refused in the words of dstack', async () => {
  const { resource_version: version } = await running();
  const refused = await call('POST', '/gateways/edge/scale', { replicas: 4 });
  expectProblem(refused, 400, 'INVALID_INPUT');
  expect(refused.json.detail).toBe('Cannot provision 4 gateway replicas. This server allows at most 3');
  const scaled = await call('POST', '/gateways/edge/scale', { replicas: 3 }, { 'if-match': `"${version}"` });
  expect([scaled.status, scaled.json.desired_replicas]).toEqual([202, 3]);
  const stale = await call('POST', '/gateways/edge/scale', { replicas: 1 }, { 'if-match': `"${version}"` });
  expectProblem(stale, 412, 'PRECONDITION_FAILED');
});

test('a replica is replaced once per Idempotency-Key, and its events tell of it', async () => {
  await running({ replicas: 2 });
  const replace = () => call('POST', '/gateways/edge/replicas/1/replace', undefined, { 'idempotency-key': 'once' });
  const first = await replace();
  expect([first.status, first.json.state, first.json.num]).toEqual([202, 'terminating', 1]);
  expect(api.engine.told.replicas.at(-1)).toBe(first.json.id);
  await settle(api.store, (await api.store.fleet.gateways.named(organization, 'edge'))!);
  const again = await replace();
  expect(again.json.id).toBe(first.json.id);
  const { replicas } = (await call('GET', '/gateways/edge')).json;
  expect(replicas.map(({ num, generation, state }: Record<string, unknown>) => [num, generation, state])).toEqual([
    [0, 1, 'running'],
    // Number 1 was still taken when another was entered.
    [2, 1, 'running'],
  ]);
  const first_page = await call('GET', '/gateways/edge/events?page_size=2&order=newest_first');
  expect(first_page.json.events).toHaveLength(2);
  const next = `/gateways/edge/events?page_size=2&order=newest_first&page_token=${first_page.json.next_page_token}`;
  const seqs = [...first_page.json.events, ...(await call('GET', next)).json.events].map(({ seq }) => seq as number);
  expect(seqs).toEqual([...seqs].sort((a, b) => b - a));
  expectProblem(await call('POST', '/gateways/edge/replicas/7/replace'), 404, 'NOT_FOUND');
});

test('one default gateway for an organization', async () => {
  await running();
  const other = await call('PUT', '/gateways/other', { ...configuration, default: true });
  expect(other.json.default).toBe(true);
  expect((await call('GET', '/gateways/edge')).json.default).toBe(false);
});

test('a backend or region that is not there is refused before anything is made', async () => {
  for (const wrong of [{ backend: 'aws' }, { region: 'mars-1' }, { backend: 'gcp', region: 'x' }])
    expectProblem(await apply(wrong), 400, 'BACKEND_UNAVAILABLE');
  expect(await api.store.fleet.gateways.list(organization)).toEqual([]);
});
