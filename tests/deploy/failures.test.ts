import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseRecord } from '../../domain/deploy/database';
import type { DeployPolicy } from '../../domain/deploy/states';
import { Failure, type FailureCode } from '../../domain/failures';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import { eventually } from '../support/eventually';
import { ActivityGate } from './support/activity-gate';
import { changes, servers, shop, type Served } from './support/servers';
import { DeployWorld, testDeployPolicy, type Opened } from './support/world';

/* What becomes of deploy requests that cannot go on. */

jest.setTimeout(60_000);

const sql = changes.MariaDB;
const gate = new ActivityGate();
let served: Served;
let world: DeployWorld;
let database: DatabaseRecord;
let schema: string;

beforeAll(async () => {
  served = await servers[0]![1]();
  world = await DeployWorld.start(served.target, { ...testDeployPolicy, revertWindowMs: 2_000 });
  await world.startWorker([() => ({ inbound: gate })]);
}, 180_000);
afterAll(async () => {
  await world?.close();
  await served?.stop();
});
beforeEach(async () => {
  database = await world.database(shop.MariaDB);
  schema = (await world.branchNamed(database, 'main')).schema;
});
afterEach(async () => {
  expect(await served.target.engine(schema).leftovers()).toEqual([]);
});

let named = 0;
const ready = async (...statements: string[]): Promise<Opened> => await readyWith({}, ...statements);

const readyWith = async (policy: Partial<DeployPolicy>, ...statements: string[]): Promise<Opened> => {
  const request = await world.open(database, await world.branch(database, `b${++named}`, statements), {}, policy);
  await request.reaches('ready');
  return request;
};

/** Has every attempt of an activity fail for good. */
const broken = (activity: string, code: FailureCode = 'CHANGE_DRIFTED'): (() => void) =>
  gate.fail(activity, () => new Failure(code, `${activity} failed`));

const operations = async ({ ref }: Opened): Promise<readonly object[]> =>
  await world.store.deploys.requests.operations(world.organizationId, ref.requestId);

/** Whoever comes next gets the place. */
const nextIsServed = async (statement: string = sql.add): Promise<void> => {
  const next = await ready(statement);
  await next.tell('deploy');
  await next.reaches('pending_cutover');
  await next.tell('cancel');
  await next.reaches('complete_cancel');
};

test.each(['prepareChange', 'copy', 'prove', 'follow', 'cutOver'])(
  'a failure of %s is taken back and keeps the place until somebody has seen it',
  async (activity) => {
    const before = await served.target.model(schema);
    const request = await ready(sql.widen);
    const waiting = await ready(sql.add);
    const mended = broken(activity);
    await request.tell('deploy');
    await waiting.tell('deploy');
    if (activity === 'cutOver') {
      await request.reaches('pending_cutover');
      await request.tell('applyDeploy');
    }
    const { deployment } = await request.reaches('complete_error');
    expect(deployment.error).toEqual({ code: 'CHANGE_DRIFTED', message: `${activity} failed` });
    expect(await operations(request)).toMatchObject([{ state: 'error', error: `${activity} failed` }]);
    await eventually(async () => expect((await request.handle.query(sagaQuery)).state).toBe('rolled_back'));
    mended();
    expect(await served.target.model(schema)).toEqual(before);
    expect(await waiting.handle.query('deployment')).toMatchObject({ state: 'queued', preceding: [1] });
    await expect(request.tell('cancel')).rejects.toMatchObject({ cause: { type: 'STATE_CONFLICT' } });
    expect(await request.tell('completeDeploy')).toMatchObject({ state: 'complete_cancel' });
    await expect(request.handle.result()).rejects.toMatchObject({ cause: { type: 'CHANGE_DRIFTED' } });
    await waiting.reaches('pending_cutover');
    await waiting.tell('cancel');
    await waiting.reaches('complete_cancel');
  },
);

test('what cannot be taken back waits for a person, and nobody else gets the place meanwhile', async () => {
  const request = await ready(sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  const mended = broken('takeBack');
  await request.tell('cancel');
  await eventually(async () => expect((await request.handle.query(sagaQuery)).state).toBe('needs_attention'));
  const waiting = await ready(sql.add);
  await waiting.tell('deploy');
  await eventually(async () =>
    expect(await waiting.handle.query('deployment')).toMatchObject({ state: 'queued', preceding: [1] }),
  );
  expect((await request.read()).deployment.state).toBe('in_progress_cancel');
  mended();
  const decision = { step: 'prepare', action: 'retry', reason: 'mended', by: 'test' } as const;
  await request.handle.executeUpdate(resolveUpdate, { args: [decision] });
  await request.reaches('complete_cancel');
  await waiting.reaches('pending_cutover');
  await waiting.tell('cancel');
  await waiting.reaches('complete_cancel');
});

test('what a person lets be is removed when the request is completed', async () => {
  const request = await ready(sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  const mended = broken('takeBack');
  await request.tell('cancel');
  await eventually(async () => expect((await request.handle.query(sagaQuery)).state).toBe('needs_attention'));
  const decision = { step: 'prepare', action: 'skip', reason: 'later', by: 'test' } as const;
  await request.handle.executeUpdate(resolveUpdate, { args: [decision] });
  await request.reaches('complete_error');
  await expect(request.tell('completeDeploy')).rejects.toMatchObject({ cause: { type: 'CHANGE_DRIFTED' } });
  expect((await request.read()).deployment.state).toBe('complete_error');
  mended();
  await request.tell('completeDeploy');
  await request.reaches('complete_cancel');
  await nextIsServed();
});

test('a window that nobody asks about ends by itself, at its time', async () => {
  const request = await ready(sql.widen);
  await request.tell('setAutoApply', { enable: true });
  await request.tell('deploy');
  const { deployment } = await request.reaches('complete');
  expect(deployment).toMatchObject({ cutoverActor: 'auto-apply' });
  expect(deployment.finishedAt!.getTime()).toBeGreaterThanOrEqual(deployment.revertWindowEndsAt!.getTime());
  await request.handle.result();
  await expect(request.tell('revert')).rejects.toThrow();
});

test('a revert that fails for good keeps the place; what is live is finished then', async () => {
  const request = await ready(sql.widen);
  await request.tell('setAutoApply', { enable: true });
  await request.tell('deploy');
  await request.reaches('complete_pending_revert');
  const mended = broken('revert', 'SIDES_DIFFER');
  await request.tell('revert');
  expect((await request.reaches('complete_revert_error')).deployment.error).toMatchObject({ code: 'SIDES_DIFFER' });
  mended();
  expect(await request.tell('completeDeploy')).toMatchObject({ state: 'complete' });
  await request.handle.result();
  await nextIsServed();
});

test('a revert that is held up changes nothing, and the window begins anew', async () => {
  const request = await readyWith({ cutoverMs: 1_000 }, sql.widen);
  await request.tell('setAutoApply', { enable: true });
  await request.tell('deploy');
  const { deployment: before } = await request.reaches('complete_pending_revert');
  const reader = await served.target.session(schema);
  await reader.execute('BEGIN');
  await reader.query('SELECT count(*) FROM orders');
  await request.tell('revert');
  await request.reaches('in_progress_revert');
  const { deployment } = await request.reaches('complete_pending_revert');
  expect(deployment.error).toMatchObject({ code: 'CHANGE_BLOCKED' });
  expect(deployment.revertWindowEndsAt!.getTime()).toBeGreaterThan(before.revertWindowEndsAt!.getTime());
  reader.destroy();
  await request.tell('revert');
  await request.reaches('complete_revert');
  await request.handle.result();
});

test('removing the old side fails: what is live stays, and is finished when somebody completes it', async () => {
  const request = await ready(sql.drop);
  await request.tell('setAutoApply', { enable: true });
  await request.tell('deploy');
  await request.reaches('complete_pending_revert');
  const mended = broken('finish');
  await request.tell('skipRevert');
  await request.reaches('complete_error');
  mended();
  expect(await request.tell('completeDeploy')).toMatchObject({ state: 'complete' });
  expect((await served.target.model(schema)).tables[0]!.columns.map(({ name }) => name)).toEqual(['id', 'amount']);
  await request.handle.result();
});

test('a cut-over that is held up is tried again by itself where it applies itself', async () => {
  const request = await readyWith({ cutoverMs: 1_000 }, sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  const reader = await served.target.session(schema);
  await reader.execute('BEGIN');
  await reader.query('SELECT count(*) FROM orders');
  await request.tell('setAutoApply', { enable: true });
  await eventually(async () =>
    expect((await request.read()).deployment.error).toMatchObject({ code: 'CHANGE_BLOCKED' }),
  );
  reader.destroy();
  await request.reaches('complete');
  await request.handle.result();
});

test('removing what an instant one leaves fails: it is finished when somebody completes it', async () => {
  const request = await ready(sql.add);
  const mended = broken('finish');
  await request.tell('deploy', { instant: true });
  await request.reaches('complete_error');
  mended();
  expect(await request.tell('completeDeploy')).toMatchObject({ state: 'complete' });
  await request.handle.result();
  await nextIsServed(sql.widen);
});

test.each([0, 20, 60, 200, 400])('cancelled %s ms after it was deployed, it is as if it had never been', async (ms) => {
  const request = await ready(sql.widen);
  const deployed = request.tell('deploy');
  if (ms > 0) await deployed;
  await sleep(ms);
  await eventually(async () => void (await request.tell('cancel')));
  await deployed;
  await request.reaches('complete_cancel');
  await expect(request.handle.result()).rejects.toThrow();
  await nextIsServed();
});

test('deployed, cancelled and told that a schema has changed in one breath', async () => {
  const request = await ready(sql.widen);
  await world.stopWorker();
  const { handle } = request;
  await handle.signal('check');
  await handle.signal('deploy', { by: 'me' });
  await handle.signal('cancel', { by: 'me' });
  await handle.signal('check');
  await world.startWorker([() => ({ inbound: gate })]);
  // Either the deploy was in time or the check was before it: what was said to no effect is kept as such, nothing else.
  const deployed = await eventually(async () => {
    const entries = await world.store.journal.after(0, { runId: handle.workflowId, limit: 100 });
    const ignored = entries.flatMap((entry) => (entry.type === 'message.ignored' ? [entry.message] : []));
    const { state } = (await request.read()).deployment;
    expect([
      { ignored: ['cancel'], state: 'pending_cutover' },
      { ignored: ['deploy', 'cancel'], state: 'ready' },
    ]).toContainEqual({ ignored, state });
    return state !== 'ready';
  });
  await request.tell(deployed ? 'cancel' : 'close');
  await handle.result().catch(() => undefined);
  await nextIsServed();
});

test('weather ends nothing', async () => {
  const request = await ready(sql.widen);
  let times = 0;
  const weather = (): Failure | null => (times++ % 4 === 3 ? null : new Failure('DATABASE_UNREACHABLE', 'it rains'));
  const ends = ['prepareChange', 'copy', 'prove', 'follow', 'cutOver', 'finish', 'join', 'leave'].map((each) =>
    gate.fail(each, weather),
  );
  await request.tell('setAutoApply', { enable: true });
  await request.tell('deploy');
  await request.reaches('complete', 50_000);
  await request.handle.result();
  ends.forEach((end) => end());
  expect(times).toBeGreaterThan(20);
});

test('whoever cancels the workflow in Temporal cancels the request, where that can be done', async () => {
  const request = await ready(sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  await request.handle.cancel();
  await request.reaches('complete_cancel');
  await expect(request.handle.result()).rejects.toThrow();
  const live = await ready(sql.add);
  await live.tell('setAutoApply', { enable: true });
  await live.tell('deploy');
  await live.reaches('complete_pending_revert');
  await live.handle.cancel();
  await live.reaches('complete');
  await live.handle.result();
});

test('a worker that is shut down leaves what it follows to the next one', async () => {
  const request = await ready(sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  const isFollowed = async (): Promise<void> => {
    const { raw } = await request.handle.describe();
    expect(raw.pendingActivities?.map(({ activityType }) => activityType?.name)).toEqual(['follow']);
  };
  await eventually(isFollowed);
  await world.stopWorker();
  await isFollowed();
  await served.target.run(schema, ['UPDATE orders SET amount = amount + 1']);
  await world.startWorker([() => ({ inbound: gate })]);
  await eventually(async () => {
    const state = await served.target.engine(schema).state(request.ref.requestId);
    expect(state!.tables[0]!.logLength).toBe(0);
  });
  await request.tell('cancel');
  await request.reaches('complete_cancel');
});

test('a workflow that was lost goes on from where the request stands', async () => {
  const request = await ready(sql.widen);
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  await request.handle.terminate('lost');
  const again = await request.again();
  expect(await again.tell('applyDeploy')).toMatchObject({ state: 'in_progress_cutover' });
  await again.reaches('complete_pending_revert');
  await again.handle.terminate('lost');
  const last = await again.again();
  await last.tell('revert');
  await last.reaches('complete_revert');
  await last.handle.result();
  const cancelled = await ready(sql.add);
  await cancelled.tell('deploy');
  await cancelled.reaches('pending_cutover');
  const open = gate.close('takeBack');
  await cancelled.tell('cancel');
  await cancelled.handle.terminate('lost');
  open();
  await (await cancelled.again()).reaches('complete_cancel');
});
