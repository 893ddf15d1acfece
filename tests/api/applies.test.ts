import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/failures';
import { expectProblem, TestApi } from './support/api';
import { RolloutWorld, untilLive, type TestApply } from './support/rollouts';

/* What is told of rollouts, and what people do with them. */

let api: TestApi;
let world: RolloutWorld;
let apply: TestApply;
beforeAll(async () => {
  api = await TestApi.start({ waitMs: 1_500 });
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await RolloutWorld.of(api);
  apply = await world.apply();
});

const told = () =>
  api.engine.deploys.told
    .filter(({ request }) => request.requestId === apply.id)
    .map(({ signal, told: { by: _, ...rest } }) => [signal, rest]);
const stored = async () => (await api.store.deploys.requests.byId(world.organizationId, apply.id))!;

describe('what is told', () => {
  test('one, by its id and by the number of its request', async () => {
    await apply.move(0, 'begin');
    const { status, json, headers } = await apply.get();
    expect([status, headers.get('etag')]).toEqual([200, `"${json.resource_version}"`]);
    expect(json).toMatchObject({
      ...{ id: apply.id, number: 1, deploy_request: 1, database: 'shop', state: 'running', says: 'Rows are copied' },
      ...{ determined: true, blamed: [], strategy: 'serial', cutover: 'sequential', paused: false, deferred: true },
      ...{ operations_total: 3, operations_by_state: { running: 1, pending: 2 }, completed_at: null },
      allowed: ['stop', 'pause', 'cutover', 'cancel', 'override', 'volume'],
    });
    expect((await world.get('/applies/1')).json).toEqual(json);
    expect((await world.get('/applies')).json).toEqual({ applies: [json], total: 1, next_page_token: null });
    expect((await world.get('/applies?state=completed')).json.total).toBe(0);
  });

  test('pages of them, the newest first', async () => {
    await world.apply();
    await world.apply();
    const first = (await world.get('/applies?page_size=2')).json;
    expect(first.applies.map(({ number }: { number: number }) => number)).toEqual([3, 2]);
    const second = (await world.get(`/applies?page_size=2&page_token=${first.next_page_token}`)).json;
    expect([second.applies.map(({ number }: { number: number }) => number), second.next_page_token]).toEqual([
      [1],
      null,
    ]);
  });

  test('none of another database or organization', async () => {
    const other = await RolloutWorld.of(api);
    await world.ps.database('other');
    for (const path of ['', '/operations', '/progress', '/logs', '/events', `/operations/${apply.operations[0]!.id}`]) {
      expectProblem(await other.get(`/applies/${apply.id}${path}`), 404, 'NOT_FOUND');
      const there = `/v1${world.ps.at(`/applies/${apply.id}${path}`, 'other')}`;
      const headers = { authorization: world.ps.tokens.admin };
      expectProblem(await api.call('GET', there, { token: null, headers }), 404, 'NOT_FOUND');
    }
    const second = await other.apply();
    expectProblem(await apply.get(`/operations/${second.operations[0]!.id}`), 404, 'NOT_FOUND');
  });

  test('operations in their order, how far their tables are, and why they wait', async () => {
    await apply.move(0, 'begin');
    await api.store.deploys.requests.report(world.organizationId, apply.operations[0]!.id, {
      users: { state: 'in_progress', percent: 40, rowsCopied: 400, rowsPerSecond: 10.4, etaSeconds: 59.5 },
    });
    await api.store.rollouts.applies.decide(world.organizationId, apply.id, () => ({
      ...{ claim: [], want: {}, moves: [], revertWindowEndsAt: null, over: [] },
      waits: { [apply.operations[1]!.id]: 'deployment main comes first (running)' },
    }));
    const { operations } = (await apply.get('/operations')).json;
    expect(operations.map((each: Record<string, unknown>) => [each['deployment'], each['state']])).toEqual([
      ['main', 'running'],
      ['eu-1', 'pending'],
      ['us-1', 'pending'],
    ]);
    expect(operations[0]).toMatchObject({ percent: 40, rows_copied: 400, rows_per_second: 10, eta_seconds: 60 });
    const because = 'deployment main comes first (running)';
    expect(operations[1]).toMatchObject({ waits: because, percent: 0, eta_seconds: null });
    expect((await apply.get()).json.waits).toEqual([
      { operation: apply.operations[1]!.id, deployment: 'eu-1', because },
    ]);
    const one = (await apply.get(`/operations/${apply.operations[0]!.id}`)).json;
    expect(one).toMatchObject({
      epoch: 1,
      run_id: `deploy-operation-${apply.operations[0]!.id}-1`,
      schema: expect.any(String),
    });
    expect(one.tasks).toEqual([expect.objectContaining({ table: 'users', percent: 40, way: 'shadow' })]);
    expect((await apply.get('/progress')).json).toMatchObject({ percent: 13.3, rows_copied: 400, eta_seconds: 60 });
  });

  test('a row that nobody can read is told with its reason, and is in nobody’s way', async () => {
    await apply.move(0, 'begin');
    await apply.spoil(1);
    await api.store.rollouts.applies.recompute(world.organizationId, apply.id);
    const { json } = await apply.get();
    expect(json).toMatchObject({
      determined: false,
      blamed: [{ operation: apply.operations[1]!.id, reason: expect.stringMatching(/state/) }],
      operations_by_state: { running: 1, pending: 1, unreadable: 1 },
    });
    const { operations } = (await apply.get('/operations')).json;
    expect(operations[2]).toEqual({ id: apply.operations[1]!.id, unreadable: expect.stringMatching(/state/) });
    const one = await apply.get(`/operations/${apply.operations[1]!.id}`);
    expect([one.status, one.json.unreadable]).toEqual([200, operations[2].unreadable]);
    expect((await apply.get('/progress')).status).toBe(200);
    expect((await apply.post('cancel')).status).toBe(200);
  });

  test('gates of environments, and who opened them', async () => {
    const staged = await RolloutWorld.of(api);
    const [, eu] = staged.deployments;
    const change = { environment: 'canary' };
    await api.store.rollouts.deployments.update(staged.organizationId, staged.databaseId, eu!.id, change);
    const changed = Object.assign(staged, {
      deployments: await api.store.rollouts.deployments.list(staged.organizationId, staged.databaseId),
    });
    const ordered = await changed.apply({ environments: ['canary', 'production'] });
    const gates = async () => (await ordered.get()).json.gates;
    expect(await gates()).toEqual([
      { environment: 'canary', open: true, reason: expect.any(String), override: null },
      { environment: 'production', open: false, reason: expect.stringMatching(/canary comes first/), override: null },
    ]);
    const body = { environment: 'production', reason: 'an incident' };
    expectProblem(await ordered.post('override', body), 403, 'FORBIDDEN');
    const { admin } = staged.ps.tokens;
    expectProblem(await ordered.post('override', { ...body, environment: 'moon' }, admin), 400, 'INVALID_INPUT');
    expect((await ordered.post('override', body, admin)).status).toBe(200);
    expect((await gates())[1]).toMatchObject({
      open: true,
      override: { by: expect.stringMatching(/^test admin/), reason: 'an incident' },
    });
  });

  test('progress, once it is in a state that is waited for', async () => {
    const waiting = apply.get('/progress?wait=waiting_for_cutover,running');
    await apply.move(0, 'begin');
    expect((await waiting).json.state).toBe('running');
    expectProblem(await apply.get('/progress?wait=done'), 400, 'INVALID_INPUT');
  });

  test('the journal of all its runs, a page at a time, of one deployment where one is named', async () => {
    await apply.move(1, 'begin');
    const own = `deploy-${world.databaseId}-1`;
    const child = `deploy-operation-${apply.operations[1]!.id}-1`;
    for (const [run, kind] of [
      [own, 'deploy.request'],
      [child, 'deploy.operation'],
      [`deploy-${world.databaseId}-2`, 'deploy.request'],
      [own, 'deploy.request'],
    ] as const)
      await api.engine.notes(run, world.organizationId, kind)({ type: 'run.state', state: 'running' });
    const page = (await apply.get('/logs?page_size=2')).json;
    expect(page.entries.map((each: Record<string, unknown>) => [each['run_id'], each['deployment']])).toEqual([
      [own, null],
      [child, 'eu-1'],
    ]);
    const rest = (await apply.get(`/logs?page_size=2&page_token=${page.next_page_token}`)).json;
    expect([rest.entries.length, rest.next_page_token]).toEqual([1, null]);
    const one = (await apply.get('/logs?deployment=eu-1')).json;
    expect(one.entries).toEqual([page.entries[1]]);
    expect((await apply.get('/logs?deployment=nowhere')).json.entries).toEqual([]);
  });
});

describe('what is done', () => {
  test('a stop and a start, each saying how many it is about', async () => {
    await apply.move(0, ...untilLive);
    const stopped = await apply.post('stop', {});
    expect([stopped.status, stopped.json.stopped_count, stopped.json.skipped_count]).toEqual([200, 2, 1]);
    expect(stopped.json).toMatchObject({ stopping: true, asked: { stop: expect.stringMatching(/^test operate/) } });
    expect(stopped.headers.get('etag')).toBe(`"${stopped.json.resource_version}"`);
    const again = await apply.post('stop');
    expectProblem(again, 409, 'STATE_CONFLICT');
    expect(again.json).toMatchObject({ state: 'revert_window', allowed: expect.arrayContaining(['start', 'cutover']) });
    expect(again.json.allowed).not.toContain('stop');
    const started = await apply.post('start');
    expect([started.status, started.json.started_count, started.json.stopping]).toEqual([200, 2, false]);
    expect(told()).toEqual([
      ['stop', {}],
      ['start', {}],
    ]);
  });

  test('a pause, and a release of those behind a failure', async () => {
    apply = await world.apply({ onFailure: 'pause' });
    expect((await apply.post('pause')).json).toMatchObject({ paused: true });
    expect((await apply.post('release')).json).toMatchObject({ paused: false, released_count: 0 });
    await apply.move(0, 'begin', 'fail');
    expect((await apply.get()).json.state).toBe('paused');
    const released = await apply.post('release');
    expect([released.status, released.json.released_count]).toEqual([200, 1]);
    expect(told().map(([signal]) => signal)).toEqual(['pause', 'release', 'release']);
  });

  test('the volume, as the throttle of the request', async () => {
    expect((await apply.post('volume', { volume: 6 })).json.throttle_ratio).toBe(0.45);
    expect((await stored()).deployment.throttle).toBe(0.45);
    expect((await apply.post('volume', { volume: 11 })).json.throttle_ratio).toBe(0);
    for (const volume of [0, 12, 1.5, '6', null])
      expectProblem(await apply.post('volume', { volume }), 400, 'INVALID_INPUT');
    expect((await stored()).deployment.throttle).toBe(0);
  });

  test('a cut-over, a revert and the end of its window', async () => {
    await apply.move(0, ...untilLive);
    expect((await apply.post('cutover')).json).toMatchObject({ deferred: false });
    expect((await apply.post('cutover', { force: true })).status).toBe(200);
    expect((await apply.post('skip-revert', {})).status).toBe(200);
    expect((await apply.post('revert', { accept_losses: true })).status).toBe(200);
    expectProblem(await apply.post('revert'), 409, 'STATE_CONFLICT');
    expect(told()).toEqual([
      ['applyDeploy', {}],
      ['forceCutover', {}],
      ['skipRevert', {}],
      ['revert', { acceptLosses: true }],
    ]);
  });

  test('a retry of one operation of its own', async () => {
    await apply.move(0, 'begin', 'failForNow');
    const operationId = apply.operations[0]!.id;
    expectProblem(await apply.post('retry', { operation_id: randomUUID() }), 400, 'INVALID_INPUT');
    expect((await apply.post('retry', { operation_id: operationId })).status).toBe(200);
    expect(told()).toEqual([['retry', { operationId }]]);
  });

  test('nothing, once it is over', async () => {
    for (const position of [0, 1, 2]) await apply.move(position, ...untilLive, 'skipRevert', 'finish');
    expect((await apply.get()).json).toMatchObject({ state: 'completed', allowed: [] });
    const bodies: Record<string, object> = { volume: { volume: 3 } };
    for (const verb of [
      'stop',
      'start',
      'pause',
      'release',
      'cutover',
      'cancel',
      'revert',
      'skip-revert',
      'retry',
      'volume',
    ]) {
      const reply = await apply.post(verb, bodies[verb]);
      expectProblem(reply, 409, 'STATE_CONFLICT');
      expect(reply.json).toMatchObject({ state: 'completed', allowed: [] });
    }
    expect(told()).toEqual([]);
  });

  test('what the workflow refuses, in the words of the routes', async () => {
    api.engine.deploys.refusing = new Failure('STATE_CONFLICT', 'too late', {
      data: { state: 'revert_window', allowed: ['apply-deploy', 'revert'] },
    });
    const reply = await apply.post('cancel');
    api.engine.deploys.refusing = null;
    expectProblem(reply, 409, 'STATE_CONFLICT');
    expect(reply.json).toMatchObject({ state: 'revert_window', allowed: ['cutover', 'revert'] });
  });

  test('once for an Idempotency-Key', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const first = await apply.post('pause', {}, undefined, key);
    const again = await apply.post('pause', {}, undefined, key);
    expect([again.status, again.json, again.headers.get('idempotency-replayed')]).toEqual([200, first.json, 'true']);
    expect(told()).toHaveLength(1);
    const other = await world.apply();
    expectProblem(await other.post('pause', {}, undefined, key), 422, 'IDEMPOTENCY_KEY_REUSED');
  });

  test('nothing while Temporal is away, which a repeat with the same key makes up for', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    api.engine.deploys.away = true;
    expectProblem(await apply.post('cancel', {}, undefined, key), 503, 'ENGINE_UNAVAILABLE');
    api.engine.deploys.away = false;
    expect((await apply.get()).json.asked.cancel).toBeNull();
    expect((await apply.post('cancel', {}, undefined, key)).json.asked.cancel).toMatch(/^test operate/);
  });

  test('a workflow that has ended is begun again for it', async () => {
    api.engine.deploys.over.add(apply.id);
    expect((await apply.post('stop')).status).toBe(200);
    expect(told()).toEqual([['stop', {}]]);
  });
});

test.each([
  ['/applies/0'],
  ['/applies/x'],
  ["/applies/1'%20OR%20'1'='1"],
  ['/applies/1/operations/..%2F..'],
  ['/applies/%F0%9F%92%A5'],
])('there is no %s', async (path) => {
  expectProblem(await world.get(path), 404, 'NOT_FOUND');
});

test.each([
  ['/applies?state=x'],
  ['/applies?page_token=-1'],
  ['/applies?page_size=1000'],
  ['/applies?organization=other'],
  ['/applies/1/logs?page_token=x'],
  ['/applies/1/events?after=-1'],
])('%s is refused', async (path) => {
  expectProblem(await world.get(path), 400, 'INVALID_INPUT');
});

test.each([
  ['cancel', { now: true }],
  ['cancel', []],
  ['cutover', { force: 'yes' }],
  ['retry', { operation_id: '../x' }],
  ['override', { environment: 'production' }],
  ['override', { environment: 'production', reason: '' }],
  ['override', { environment: 'production', reason: 'x'.repeat(1_001) }],
  ['override', { environment: 'production', reason: 'two\nlines' }],
  ['override', { environment: 'pro duction', reason: 'x' }],
])('%s %j is refused', async (verb, body) => {
  expectProblem(await apply.post(verb, body, world.ps.tokens.admin), 400, 'INVALID_INPUT');
  expect(told()).toEqual([]);
});
