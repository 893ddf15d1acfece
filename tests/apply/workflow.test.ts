import { createClient } from '@libsql/client';
import { operationRunId } from '../../domain/rollout/contract';
import { eventually } from '../support/eventually';
import { FakeWorld } from './support/fake-world';
import type { Deed } from './support/engine-gate';
import type { Rollout } from './support/real-world';
import { expectSound } from './support/sound';

/* The workflows of a deploy over several deployments, with servers that are but words: every history is short, so that
   they go on with a new one in the middle of whatever they do. */

jest.setTimeout(90_000);

/** Events after which a workflow is told to go on with a new history. */
const LONG = 120;
const SHORT_MS = 300;

let fake: FakeWorld;
beforeAll(async () => {
  fake = await FakeWorld.start(LONG);
}, 120_000);
afterAll(async () => await fake?.close());

const done = (rollout: Rollout, ...deeds: readonly Deed[]): string[] => fake.gate.doneTo(rollout.schemas, ...deeds);

const deployed = async (
  count: number,
  ...how: Parameters<FakeWorld['request']> extends [number, ...infer R] ? R : never
) => {
  const rollout = await fake.request(count, ...how);
  const gate = (deed: Deed, place: number) => fake.gate.hold(deed, rollout.schemas[place]!);
  return { rollout, request: rollout.request, gate };
};

const reached = async (hold: { readonly reached: boolean }): Promise<void> =>
  await eventually(() => expect(hold.reached).toBe(true));

const stand = async (rollout: Rollout, ...states: readonly string[]): Promise<void> =>
  void (await rollout.until(states.join(), (_, all) => all.map(({ state }) => state).join() === states.join()));

/** Everything has ended: the workflows, their sagas, and what was held. */
const over = async (rollout: Rollout, saga: 'succeeded' | 'rolled_back'): Promise<void> => {
  await rollout.request.handle.result().catch(() => undefined);
  expect(await fake.world.store.journal.run(rollout.request.handle.workflowId)).toMatchObject({ state: saga });
  await eventually(async () => expect(await rollout.running()).toEqual([]));
  const { organizationId, databaseId } = rollout.request.ref;
  expect(await fake.world.store.rollouts.locks.list(organizationId, databaseId)).toEqual([]);
  await expectSound(rollout);
};

const terminate = async (rollout: Rollout, place: number): Promise<void> => {
  const { id, epoch } = (await rollout.operations())[place]!;
  await fake.world.temporal.client.workflow
    .getHandle(operationRunId({ operation: { id, epoch } }))
    .terminate('by hand');
};

test('one deployment after another, and all of them can be reverted until nobody wants that', async () => {
  const { rollout, request } = await deployed(3);
  await request.tell('deploy');
  await request.reaches('complete_pending_revert');
  await stand(rollout, 'revert_window', 'revert_window', 'revert_window');
  const each = (place: number) => ['prepare', 'copy', 'prove', 'cutOver'].map((deed) => `${deed} ${place}`);
  expect(done(rollout)).toEqual([0, 1, 2].flatMap(each));
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
  expect(done(rollout, 'finish').toSorted()).toEqual(['finish 0', 'finish 1', 'finish 2']);
  const { deployment } = await request.read();
  for (const time of ['startedAt', 'readyToCutoverAt', 'cutoverAt', 'finishedAt'] as const)
    expect(deployment[time]).toBeInstanceOf(Date);
});

test('behind a barrier they copy side by side, and cut over one after another when somebody says so', async () => {
  const { rollout, request, gate } = await deployed(3, { cutover: 'barrier', copies: 2 }, { deferred: true });
  const [first, second, swap] = [gate('copy', 0), gate('copy', 1), gate('cutOver', 0)];
  await request.tell('deploy');
  await reached(first);
  await reached(second);
  await rollout.until('third waiting', (_, all) => all[2]!.waits !== null);
  expect(done(rollout, 'prepare')).toHaveLength(2);
  first.open();
  second.open();
  await request.reaches('pending_cutover');
  expect(done(rollout, 'cutOver')).toEqual([]);
  expect(await request.tell('applyDeploy')).toMatchObject({ state: expect.stringMatching(/cutover/) as string });
  await reached(swap);
  expect((await rollout.operations())[1]).toMatchObject({ state: 'waiting_for_cutover' });
  swap.open();
  await request.reaches('complete_pending_revert');
  expect(done(rollout, 'cutOver')).toEqual(['cutOver 0', 'cutOver 1', 'cutOver 2']);
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

describe('when the second of three fails', () => {
  const failing = async (onFailure: 'halt' | 'continue' | 'pause') => {
    const made = await deployed(3, { onFailure }, { policy: { revertWindowMs: SHORT_MS } });
    fake.gate.fail('copy', made.rollout.schemas[1]!, 'CHANGE_DRIFTED');
    await made.request.tell('deploy');
    return made;
  };

  const fails = async ({ rollout, request }: Awaited<ReturnType<typeof deployed>>): Promise<void> => {
    const { deployment } = await request.reaches('complete_error');
    expect(deployment.error?.code).toBe('CHANGE_DRIFTED');
    expect((await rollout.apply()).error).toContain('region-1 failed');
    expect(done(rollout, 'cancel')).toEqual(['cancel 1']);
    // The place is kept until somebody has seen it.
    await request.tell('completeDeploy');
    await request.reaches('complete');
    await over(rollout, 'rolled_back');
  };

  test('nothing else begins, where it halts', async () => {
    const made = await failing('halt');
    await stand(made.rollout, 'completed', 'failed', 'pending');
    await fails(made);
  });

  test('the others go on, where they may', async () => {
    const made = await failing('continue');
    await stand(made.rollout, 'completed', 'failed', 'completed');
    await fails(made);
  });

  test('somebody releases them, where it waits for that', async () => {
    const made = await failing('pause');
    await made.rollout.until('paused', ({ state }) => state === 'paused');
    expect(done(made.rollout, 'prepare')).toHaveLength(2);
    await made.rollout.say('release');
    await stand(made.rollout, 'completed', 'failed', 'completed');
    await fails(made);
  });

  test('it is tried again, where that may help', async () => {
    const { rollout, request } = await deployed(3);
    fake.gate.fail('copy', rollout.schemas[1]!, 'DATABASE_UNREACHABLE');
    await request.tell('deploy');
    await stand(rollout, 'revert_window', 'failed_retryable', 'pending');
    expect(done(rollout, 'cancel')).toEqual(['cancel 1']);
    await rollout.say('retry');
    await request.reaches('complete_pending_revert');
    expect((await rollout.operations()).map(({ epoch }) => epoch)).toEqual([1, 2, 1]);
    await request.tell('skipRevert');
    await request.reaches('complete');
    await over(rollout, 'succeeded');
  });
});

test('what is stopped rests as it is, and goes on from there', async () => {
  const { rollout, request, gate } = await deployed(3);
  const copy = gate('copy', 1);
  await request.tell('deploy');
  await reached(copy);
  await rollout.say('stop');
  await stand(rollout, 'revert_window', 'stopped', 'stopped');
  copy.open();
  await eventually(async () => expect(await rollout.running()).toHaveLength(1));
  expect(done(rollout, 'cancel')).toEqual([]);
  expect(await request.handle.query('apply')).toMatchObject({ stopping: true });
  await rollout.say('start');
  await request.reaches('complete_pending_revert');
  expect(done(rollout, 'cancel')).toEqual([]);
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

test('a cancel in the middle takes back what is not live, and leaves what is', async () => {
  const { rollout, request, gate } = await deployed(3);
  const copy = gate('copy', 1);
  await request.tell('deploy');
  await reached(copy);
  expect(await request.tell('cancel')).toMatchObject({ state: 'in_progress_cancel' });
  await stand(rollout, 'revert_window', 'cancelled', 'cancelled');
  copy.open();
  expect(done(rollout, 'cancel')).toEqual(['cancel 1']);
  expect((await request.read()).deployment).toMatchObject({ state: 'in_progress_cancel', cancelActor: 'me' });
  await request.tell('skipRevert');
  await request.reaches('complete_cancel');
  await over(rollout, 'rolled_back');
  expect(done(rollout, 'finish')).toEqual(['finish 0']);
});

test('cancelled in the queue nothing is begun; cancelled in Temporal it is taken back', async () => {
  const { rollout, request, gate } = await deployed(2);
  const copy = gate('copy', 0);
  await request.tell('deploy');
  await reached(copy);
  const { organizationId, databaseId } = request.ref;
  const database = (await fake.world.store.deploys.databases.get(organizationId, databaseId))!;
  const second = await fake.world.open(database, await fake.world.branch(database, 'other', []));
  await second.reaches('ready');
  await second.tell('deploy');
  await eventually(async () => expect(await second.handle.query('deployment')).toMatchObject({ preceding: [1] }));
  await second.tell('cancel');
  await second.reaches('complete_cancel');
  expect(await fake.world.store.rollouts.applies.get(organizationId, second.ref.requestId)).toBeNull();
  await request.handle.cancel();
  await request.reaches('complete_cancel');
  copy.open();
  await over(rollout, 'rolled_back');
  expect(done(rollout, 'cancel')).toEqual(['cancel 0']);
});

test('a revert goes from the last to the first, and one that is held up ends it', async () => {
  const { rollout, request, gate } = await deployed(3);
  await request.tell('deploy');
  await request.reaches('complete_pending_revert');
  const free = fake.gate.fail('revert', rollout.schemas[1]!, 'CHANGE_BLOCKED', Infinity);
  expect(await request.tell('revert')).toMatchObject({ state: 'in_progress_revert' });
  await stand(rollout, 'revert_window', 'revert_window', 'reverted');
  await request.reaches('complete_pending_revert');
  free();
  const last = gate('revert', 1);
  await request.tell('revert');
  await reached(last);
  expect(done(rollout, 'revert')).toEqual(['revert 2']);
  last.open();
  await request.reaches('complete_revert');
  expect(done(rollout, 'revert')).toEqual(['revert 2', 'revert 1', 'revert 0']);
  await over(rollout, 'succeeded');
  expect(done(rollout, 'finish')).toEqual(['finish 2', 'finish 1', 'finish 0']);
});

test('instant changes are complete at once, each in its turn', async () => {
  const { rollout, request } = await deployed(2);
  await request.tell('deploy', { instant: true });
  await request.reaches('complete');
  await over(rollout, 'succeeded');
  expect(done(rollout, 'cutOver', 'finish')).toEqual(['cutOver 0', 'finish 0', 'cutOver 1', 'finish 1']);
});

test('while the row of a deployment cannot be read nothing begins or cuts over, and it goes on once that is repaired', async () => {
  const { rollout, request, gate } = await deployed(2);
  const copy = gate('copy', 0);
  await request.tell('deploy');
  await reached(copy);
  const { id } = (await rollout.operations())[1]!;
  const client = createClient({ url: fake.world.settings.databaseUrl });
  const write = async (state: string) =>
    void (await client.execute({ sql: 'UPDATE apply_operation SET state = ? WHERE id = ?', args: [state, id] }));
  await write('x');
  copy.open();
  const blamed = await eventually(async () => {
    const apply = await rollout.apply();
    expect(apply).toMatchObject({ determined: false, completedAt: null });
    return apply.blamed;
  });
  expect(blamed).toEqual([{ operation: id, reason: 'its state is not one that is known' }]);
  await eventually(async () => {
    const [first] = (await fake.world.store.rollouts.applies.rows(request.ref.organizationId, rollout.id)) as {
      readonly state: string;
      readonly waits: string | null;
    }[];
    expect(first).toMatchObject({
      state: 'waiting_for_cutover',
      waits: 'not every deployment can be read: its state is not one that is known',
    });
  });
  expect(done(rollout)).toEqual(['prepare 0', 'copy 0', 'prove 0']);
  await write('pending');
  client.close();
  // It looks by itself within a minute.
  await request.handle.signal('look');
  await request.reaches('complete_pending_revert');
  expect(await rollout.apply()).toMatchObject({ determined: true, blamed: [] });
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

test('a cut-over that is held up is tried again by itself', async () => {
  const { rollout, request } = await deployed(2);
  const [first] = rollout.schemas;
  const free = fake.gate.fail('cutOver', first!, 'CHANGE_BLOCKED', Infinity);
  await request.tell('deploy');
  await rollout.until('held up', (_, [held]) => held!.state === 'waiting_for_cutover' && held!.waits !== null);
  expect((await rollout.operations())[0]!.waits).toContain('cutOver');
  free();
  await request.reaches('complete_pending_revert');
  expect(done(rollout, 'cutOver')).toEqual(['cutOver 0', 'cutOver 1']);
  await request.tell('skipRevert');
  await over(rollout, 'succeeded');
});

test('a workflow that was ended by hand is begun again, and so is that of the request', async () => {
  const { rollout, request, gate } = await deployed(2, {}, { deferred: true });
  await request.tell('deploy');
  await stand(rollout, 'waiting_for_cutover', 'pending');
  await terminate(rollout, 0);
  const copy = gate('copy', 1);
  await request.tell('applyDeploy');
  await reached(copy);
  // What its workflow had begun may still have cut over, as the apply wanted.
  expect((await rollout.operations())[0]).toMatchObject({ state: 'revert_window' });
  await request.handle.terminate('by hand');
  await terminate(rollout, 1);
  copy.open();
  const again = await request.again();
  await again.reaches('complete_pending_revert');
  expect((await rollout.operations()).map(({ epoch }) => epoch)).toEqual([2, 2]);
  await again.tell('skipRevert');
  await again.reaches('complete');
  await over(rollout, 'succeeded');
});

test('a workflow that was taken for lost leaves everything to the next', async () => {
  const { rollout, request, gate } = await deployed(2);
  const copy = gate('copy', 0);
  await request.tell('deploy');
  await reached(copy);
  const operationId = (await rollout.operations())[0]!.id;
  const { organizationId } = request.ref;
  await fake.world.store.rollouts.applies.mark({ organizationId, operationId, epoch: 1 }, 'lost');
  await request.handle.signal('look');
  await rollout.until('begun again', (_, [first]) => first!.epoch === 2 && first!.worker === 'alive');
  copy.open();
  await request.reaches('complete_pending_revert');
  expect(done(rollout, 'cancel')).toEqual([]);
  const first = fake.world.temporal.client.workflow.getHandle(
    operationRunId({ operation: { id: operationId, epoch: 1 } }),
  );
  expect((await first.describe()).status.name).toBe('COMPLETED');
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

test('a request that was moved by a workflow task that was lost goes on from there', async () => {
  const { rollout, request, gate } = await deployed(2, { cutover: 'barrier' }, { deferred: true });
  await request.tell('deploy');
  await request.reaches('pending_cutover');
  // As a worker does that is killed before it has told Temporal: its workflow knows nothing of it.
  const { organizationId, requestId } = request.ref;
  await fake.world.store.deploys.requests.move(organizationId, requestId, 'goOn');
  const swap = gate('cutOver', 0);
  await request.tell('applyDeploy');
  await reached(swap);
  await request.reaches('in_progress_cutover');
  swap.open();
  await request.reaches('complete_pending_revert');
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

test('it goes on with a new history, and nothing that was said is lost', async () => {
  const { rollout, request, gate } = await deployed(2);
  const copy = gate('copy', 0);
  const runOf = async (): Promise<string> => (await request.handle.describe()).runId;
  await request.tell('deploy');
  await reached(copy);
  const before = await runOf();
  for (let i = 0; (await runOf()) === before; i++) {
    if (i > LONG) throw new Error('it does not go on');
    await rollout.say('pause');
    await rollout.say('release');
  }
  await rollout.say('pause');
  copy.open();
  await stand(rollout, 'waiting_for_cutover', 'pending');
  await rollout.say('release');
  await request.reaches('complete_pending_revert');
  await request.tell('skipRevert');
  await request.reaches('complete');
  await over(rollout, 'succeeded');
});

test('what cannot be done is refused with what can', async () => {
  const { rollout, request, gate } = await deployed(2);
  const refusal = async (action: Promise<unknown>): Promise<unknown> =>
    await action.then(
      () => null,
      (error: { cause?: { type: string; details: unknown[] } }) => [error.cause?.type, error.cause?.details[0]],
    );
  expect(await refusal(rollout.say('stop'))).toEqual(['STATE_CONFLICT', { state: 'ready', allowed: [] }]);
  const copy = gate('copy', 0);
  await request.tell('deploy');
  await reached(copy);
  const allowed = expect.arrayContaining(['stop', 'pause', 'cancel']) as string[];
  expect(await refusal(rollout.say('start'))).toEqual(['STATE_CONFLICT', { state: 'running', allowed }]);
  expect(await refusal(request.tell('revert'))).toEqual(['STATE_CONFLICT', { state: 'running', allowed }]);
  expect(await refusal(rollout.say('override', { environment: 'eu' }))).toMatchObject(['INVALID_INPUT']);
  await request.handle.signal('start', { by: 'somebody' });
  await eventually(async () => {
    const entries = await fake.world.store.journal.after(0, { runId: request.handle.workflowId, limit: 1_000 });
    expect(entries.filter(({ type }) => type === 'message.ignored')).toMatchObject([
      { message: 'start', by: 'somebody' },
    ]);
  });
  await request.tell('cancel');
  copy.open();
  await request.reaches('complete_cancel');
  await over(rollout, 'rolled_back');
});
