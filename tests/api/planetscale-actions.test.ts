import type { DeployAction } from '../../domain/deploy/actions';
import { DeploymentState } from '../../domain/deploy/states';
import { Failure } from '../../domain/failures';
import { eventually, TestApi, type Reply } from './support/api';
import { expectError, Planetscale } from './support/planetscale';

/* Every state with everything that can be asked of a request in it: what is done, what is refused, and in which words. */

let api: TestApi;
let ps: Planetscale;
beforeAll(() => start());
afterAll(() => api.close());

async function start(caretakeMs = 60_000): Promise<void> {
  api = await TestApi.start({ limits: { caretakeMs } });
  ps = await Planetscale.of(api);
  await ps.database();
}

/** What each state allows beside what may be set in all of them. */
const allowedIn: Readonly<Record<DeploymentState, readonly DeployAction[]>> = {
  pending: ['close'],
  ready: ['deploy', 'close'],
  no_changes: ['close'],
  error: ['close'],
  queued: ['cancel'],
  submitting: ['cancel'],
  in_progress: ['cancel'],
  pending_cutover: ['cancel', 'apply-deploy', 'force-cutover'],
  in_progress_cutover: ['force-cutover'],
  in_progress_vschema: [],
  complete_pending_revert: ['revert', 'skip-revert'],
  complete: [],
  complete_error: ['complete-deploy'],
  in_progress_cancel: [],
  complete_cancel: [],
  cancelled: [],
  in_progress_revert: [],
  in_progress_revert_vschema: [],
  complete_revert: [],
  complete_revert_error: ['complete-deploy'],
};
const anywhere: readonly DeployAction[] = ['throttle', 'auto-apply'];

const undeployed: readonly DeploymentState[] = ['pending', 'ready', 'no_changes', 'error'];

/** The sentence with which each action is refused. */
function refusal(action: DeployAction, state: DeploymentState): string {
  const is = `deploy request is in state "${state}"`;
  switch (action) {
    case 'deploy':
      if (state === 'pending') return 'deploy request is still being prepared';
      if (state === 'no_changes') return 'cannot deploy: there is nothing to deploy';
      return state === 'error' ? `cannot deploy: ${is}` : 'deploy request already deployed';
    case 'cancel':
      return `cannot cancel: ${is}`;
    case 'apply-deploy':
      return `cannot cutover: ${is}, expected pending_cutover`;
    case 'force-cutover':
      return `cannot force the cutover: ${is}, expected pending_cutover or in_progress_cutover`;
    case 'revert':
      return `cannot revert: ${is}, expected complete_pending_revert`;
    case 'skip-revert':
      return `cannot skip revert: ${is}, expected complete_pending_revert`;
    case 'complete-deploy':
      return `cannot complete: ${is}, expected complete_error or complete_revert_error`;
    case 'close':
      return 'cannot close: deploy request has been deployed';
    case 'throttle':
    case 'auto-apply':
      throw new Error(`${action} is never refused`);
  }
}

function ask(action: DeployAction, number: number): Promise<Reply> {
  const path = ps.at(`/deploy-requests/${number}`);
  if (action === 'close') return ps.call('PATCH', path, { state: 'closed' });
  if (action === 'throttle') return ps.call('PUT', `${path}/throttle`, { throttle_ratio: 0.5 });
  if (action === 'auto-apply') return ps.call('PUT', `${path}/auto-apply`, { enable: true });
  return ps.call('POST', `${path}/${action}`, {});
}

const allActions: readonly DeployAction[] = [
  ...(['deploy', 'cancel', 'apply-deploy', 'force-cutover', 'revert', 'skip-revert', 'complete-deploy'] as const),
  ...(['close', 'throttle', 'auto-apply'] as const),
];

const expectedAfter: Partial<Record<DeployAction, DeploymentState>> = {
  deploy: 'queued',
  cancel: 'in_progress_cancel',
  'apply-deploy': 'in_progress_cutover',
  revert: 'in_progress_revert',
  'skip-revert': 'complete',
  'complete-deploy': 'complete',
};

describe.each(Object.values(DeploymentState))('in %s', (state) => {
  test.each(allActions)('%s', async (action) => {
    const { number, id } = await ps.request(state);
    const before = await api.store.deploys.requests.byId(ps.organizationId, id);
    expect(before!.deployment.state).toBe(state);
    const reply = await ask(action, number);
    const after = (await api.store.deploys.requests.byId(ps.organizationId, id))!;
    if ([...allowedIn[state], ...anywhere].includes(action)) {
      expect([reply.status, after.deployment.state]).toEqual([200, expectedAfter[action] ?? state]);
      if (action === 'throttle') expect([reply.json, after.deployment.throttle]).toEqual([{ status: 'ok' }, 0.5]);
      else expect(reply.json).toMatchObject({ number, deployment_state: after.deployment.state });
      if (action === 'auto-apply') expect(after.deployment.autoCutover).toBe(true);
      expect(after.closedAt === null).toBe(action !== 'close');
      return;
    }
    expectError(reply, 409, 'conflict');
    expect(reply.json).toMatchObject({ message: refusal(action, state), state });
    expect([...reply.json.allowed].sort()).toEqual([...allowedIn[state], ...anywhere].sort());
    expect(after).toEqual(before);
    expect(api.engine.deploys.told.filter(({ request }) => request.requestId === id)).toEqual([]);
  });

  test('the answer says what is allowed, and whether it was ever deployed', async () => {
    const { number } = await ps.request(state);
    const { json } = await ps.get(`/deploy-requests/${number}`);
    expect([...json.deployment.allowed].sort()).toEqual([...allowedIn[state], ...anywhere].sort());
    expect(json.deployed_at === null).toBe(undeployed.includes(state));
    expect(json.deployment_state).toBe(state);
  });
});

test('what is closed is closed: it is neither deployed nor closed again', async () => {
  const { number } = await ps.request();
  expect((await ask('close', number)).json).toMatchObject({
    state: 'closed',
    closed_by: { display_name: 'test admin' },
  });
  const again = await ask('close', number);
  expectError(again, 409);
  expect(again.json.message).toBe('deploy request is already closed');
  const deployed = await ask('deploy', number);
  expectError(deployed, 409);
  expect(deployed.json.message).toBe('cannot deploy: deploy request is closed');
});

test('any other state than closed is refused', async () => {
  const { number } = await ps.request();
  expectError(await ps.call('PATCH', ps.at(`/deploy-requests/${number}`), { state: 'open' }), 422, 'invalid_params');
  expectError(await ps.call('PATCH', ps.at(`/deploy-requests/${number}`), {}), 422, 'invalid_params');
});

test.each(allActions)('%s of a request that is not there: 404', async (action) => {
  expectError(await ask(action, 999_999), 404, 'not_found');
});

describe('a request whose workflow has ended', () => {
  test('is closed all the same', async () => {
    const { number, id } = await ps.request('no_changes');
    api.engine.deploys.over.add(id);
    expect((await ask('close', number)).json).toMatchObject({ state: 'closed', deployment_state: 'no_changes' });
  });

  test('gets one again where it should have one', async () => {
    const { number, id } = await ps.request('pending_cutover');
    api.engine.deploys.over.add(id);
    expect((await ask('apply-deploy', number)).json).toMatchObject({ deployment_state: 'in_progress_cutover' });
    expect(api.engine.deploys.begun.filter((each) => each.endsWith(`-${number}`))).toHaveLength(2);
  });
});

describe('while Temporal is away', () => {
  afterEach(() => {
    api.engine.deploys.away = false;
  });

  test('nothing is done, and the answer says to come again', async () => {
    const { number, id } = await ps.request('in_progress');
    api.engine.deploys.away = true;
    const reply = await ask('cancel', number);
    expectError(reply, 503, 'engine_unavailable');
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(reply.text).not.toContain('10.9.8.7');
    expect((await api.store.deploys.requests.byId(ps.organizationId, id))!.deployment.state).toBe('in_progress');
  });

  test('what is made is written down, and begun once it is back', async () => {
    await api.close();
    await start(20);
    api.engine.deploys.away = true;
    const opened = await ps.post('/deploy-requests', { branch: 'dev' });
    expect([opened.status, opened.json.deployment_state]).toEqual([201, 'pending']);
    api.engine.deploys.away = false;
    const ready = await eventually(async () => {
      const { json } = await ps.get('/deploy-requests/1');
      return json.deployment_state === 'ready' && json;
    });
    expect(ready.deployment.deploy_operations).toHaveLength(1);
  });

  test('the throttle is set, which those who copy read from the store', async () => {
    const { number, id } = await ps.request('in_progress');
    api.engine.deploys.away = true;
    expect((await ask('throttle', number)).json).toEqual({ status: 'ok' });
    expect((await api.store.deploys.requests.byId(ps.organizationId, id))!.deployment.throttle).toBe(0.5);
  });
});

test('a revert that would lose something is refused with what, until that is accepted', async () => {
  const { number } = await ps.request('complete_pending_revert');
  const losses = [{ table: 'users', column: 'age', rows: 3, message: '3 values of age' }];
  const told = api.engine.deploys.tell.bind(api.engine.deploys);
  jest
    .spyOn(api.engine.deploys, 'tell')
    .mockImplementation((ref, signal, what) =>
      what.acceptLosses
        ? told(ref, signal, what)
        : Promise.reject(new Failure('REVERT_LOSES', 'a revert would lose 3 values of age', { data: { losses } })),
    );
  const refused = await ask('revert', number);
  expectError(refused, 409);
  expect(refused.json).toMatchObject({ message: 'a revert would lose 3 values of age', losses });
  const reverted = await ps.post(`/deploy-requests/${number}/revert`, { accept_losses: true });
  expect(reverted.json.deployment_state).toBe('in_progress_revert');
});
