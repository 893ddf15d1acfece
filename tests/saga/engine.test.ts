import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { NewJournalEntry } from '../../domain/journal';
import type { SagaState } from '../../domain/saga';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import { details } from '../../workflows/saga/details';
import type { Rollback } from '../../workflows/saga/undo';
import { eventually } from '../support/eventually';
import { testBundle, testTemporal, type TestTemporal } from '../support/temporal';
import type { Script, scripted } from './workflows';

/** What the fake activities do: calls in order, and what is to fail how often. */
class World {
  readonly calls: string[] = [];
  readonly rollbacks = new Map<string, Rollback>();
  readonly entries: NewJournalEntry[] = [];
  readonly failing = new Map<string, number>();
  /** What the journal knows of an earlier, lost execution. */
  begun: string[] = [];

  fail(call: string, times = Infinity): this {
    this.failing.set(call, times);
    return this;
  }

  call(name: string, nonRetryable: boolean): void {
    this.calls.push(name);
    const left = this.failing.get(name) ?? 0;
    if (left <= 0) return;
    this.failing.set(name, left - 1);
    throw ApplicationFailure.create({ type: 'DNS_REFUSED', message: `${name} refused`, nonRetryable });
  }

  states(): SagaState[] {
    return this.entries.flatMap((entry) => (entry.type === 'run.state' ? [entry.state] : []));
  }
}

let temporal: TestTemporal;
let world: World;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  temporal = await testTemporal();
  const activities = {
    act: async (step: string) => {
      world.call(`do ${step}`, true);
      return step;
    },
    takeBack: async (step: string, rollback: Rollback) => {
      world.rollbacks.set(step, rollback);
      world.call(`undo ${step}`, false);
    },
    record: async (entries: NewJournalEntry[]) => void world.entries.push(...entries),
    begun: async () => await Promise.resolve(world.begun),
  };
  worker = await Worker.create({
    connection: temporal.connection,
    namespace: temporal.namespace,
    taskQueue: 'saga',
    workflowBundle: await testBundle(require.resolve('./workflows'), [
      require.resolve('../../workflows/saga/interceptors'),
    ]),
    activities,
    // Replays every task from the start: a determinism test of the engine for nothing.
    maxCachedWorkflows: 0,
  });
  running = worker.run();
}, 60_000);

afterAll(async () => {
  worker.shutdown();
  await running;
  await temporal.close();
});

beforeEach(() => (world = new World()));

async function start(script: Script): Promise<WorkflowHandle<typeof scripted>> {
  return await temporal.client.workflow.start<typeof scripted>('scripted', {
    taskQueue: 'saga',
    workflowId: randomUUID(),
    args: [script],
    workflowTaskTimeout: '2s',
  });
}

async function failureOf(handle: WorkflowHandle<typeof scripted>): Promise<{ type?: string; message: string }> {
  const error = await handle.result().then(
    () => undefined,
    (thrown: Error & { cause?: ApplicationFailure }) => thrown,
  );
  if (!error) throw new Error('the run succeeded');
  return { type: error.cause?.type ?? error.cause?.name, message: error.cause?.message ?? '' };
}

async function untilStuck(handle: WorkflowHandle<typeof scripted>, ...steps: string[]): Promise<void> {
  await eventually(async () => {
    const view = await handle.query(sagaQuery);
    expect(view.state).toBe('needs_attention');
    expect(view.steps.filter((step) => step.state === 'stuck').map((step) => step.name)).toEqual(steps);
  });
}

const by = { reason: 'looked at it', by: 'ada' };

test('a run that succeeds does each step once and says so', async () => {
  const handle = await start({ steps: ['a', 'b', 'c'] });
  expect(await handle.result()).toEqual(['a', 'b', 'c']);
  expect(world.calls).toEqual(['do a', 'do b', 'do c']);
  expect(world.states()).toEqual(['succeeded']);
  const { searchAttributes } = await handle.describe();
  expect(searchAttributes['SagaState']).toEqual(['succeeded']);
});

test.each(['a', 'b', 'c'])('when %s fails, what was begun is undone in reverse, itself included', async (failing) => {
  world.fail(`do ${failing}`);
  const handle = await start({ steps: ['a', 'b', 'c'] });
  expect(await failureOf(handle)).toEqual({ type: 'DNS_REFUSED', message: `do ${failing} refused` });
  const begun = ['a', 'b', 'c'].slice(0, 'abc'.indexOf(failing) + 1);
  expect(world.calls).toEqual([...begun.map((step) => `do ${step}`), ...begun.reverse().map((step) => `undo ${step}`)]);
  expect(world.states()).toEqual(['rolled_back']);
  const error = { code: 'DNS_REFUSED', message: `do ${failing} refused` };
  expect(world.rollbacks.get('a')).toEqual({ failedStep: failing, error, cancelled: false, leftBehind: [] });
});

test('a stuck undo does not keep the others from running, and a person’s retry ends it', async () => {
  world.fail('do c').fail('undo b', 3);
  const handle = await start({ steps: ['a', 'b', 'c'] });
  await untilStuck(handle, 'b');
  expect(world.calls.filter((call) => call.startsWith('undo'))).toEqual([
    'undo c',
    'undo b',
    'undo b',
    'undo b',
    'undo a',
  ]);
  expect(world.rollbacks.get('a')!.leftBehind).toEqual(['b']);

  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'b', action: 'retry', ...by }] });
  expect(await failureOf(handle)).toEqual({ type: 'DNS_REFUSED', message: 'do c refused' });
  // What ran while b was stuck runs again now that nothing is.
  expect(world.calls.slice(-2)).toEqual(['undo b', 'undo a']);
  expect(world.rollbacks.get('a')!.leftBehind).toEqual([]);
  expect(world.states()).toEqual(['needs_attention', 'rolling_back', 'rolled_back']);
  const resolved = world.entries.find((entry) => entry.type === 'step.resolved');
  expect(resolved).toMatchObject({ step: 'b', resolution: { action: 'retry', reason: 'looked at it', by: 'ada' } });
});

test('a retry that fails again waits again; a skip ends the run as abandoned', async () => {
  world.fail('do b').fail('undo a');
  const handle = await start({ steps: ['a', 'b'] });
  await untilStuck(handle, 'a');
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'a', action: 'retry', ...by }] });
  await eventually(() => expect(world.calls.filter((call) => call === 'undo a')).toHaveLength(6));
  await untilStuck(handle, 'a');
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'a', action: 'skip', ...by }] });
  expect((await failureOf(handle)).message).toBe('do b refused');
  const view = await handle.query(sagaQuery);
  expect(view.state).toBe('abandoned');
  expect(view.steps[0]).toMatchObject({ name: 'a', state: 'skipped' });
  expect(view.steps[0]!.resolutions.map(({ action }) => action)).toEqual(['retry', 'skip']);
});

test('two stuck undos are decided one by one', async () => {
  world.fail('do c').fail('undo a', 3).fail('undo b', 3);
  const handle = await start({ steps: ['a', 'b', 'c'] });
  await untilStuck(handle, 'a', 'b');
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'a', action: 'retry', ...by }] });
  await untilStuck(handle, 'b');
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'b', action: 'skip', ...by }] });
  await failureOf(handle);
  expect((await handle.query(sagaQuery)).state).toBe('abandoned');
});

test('a decision that does not fit is refused with what is stuck', async () => {
  world.fail('do b').fail('undo a');
  const handle = await start({ steps: ['a', 'b'] });
  await untilStuck(handle, 'a');
  const refused = handle.executeUpdate(resolveUpdate, { args: [{ step: 'b', action: 'retry', ...by }] });
  await expect(refused).rejects.toMatchObject({ cause: { type: 'STATE_CONFLICT', details: [{ stuck: ['a'] }] } });
  const unreasoned = handle.executeUpdate(resolveUpdate, {
    args: [{ step: 'a', action: 'skip', by: 'ada', reason: ' ' }],
  });
  await expect(unreasoned).rejects.toMatchObject({ cause: { type: 'INVALID_INPUT' } });
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'a', action: 'skip', ...by }] });
  await failureOf(handle);
});

test('waiting past the deadline becomes critical and does not end', async () => {
  world.fail('do b').fail('undo a');
  const handle = await start({ steps: ['a', 'b'], attentionDeadlineMs: 300 });
  await untilStuck(handle, 'a');
  await eventually(async () => expect((await handle.query(sagaQuery)).severity).toBe('critical'));
  await eventually(async () => {
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes['AttentionSeverity']).toEqual(['critical']);
    expect(searchAttributes['NeedsAttentionSince']).toHaveLength(1);
  });
  const text = details(handle.workflowId, await handle.query(sagaQuery));
  expect(text).toContain('**«a» cannot be taken back**: undo a refused');
  expect(text).toContain(`gatewright resolve ${handle.workflowId} a retry`);
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'a', action: 'skip', ...by }] });
  await failureOf(handle);
  await eventually(async () => {
    const ended = `WorkflowId = '${handle.workflowId}' AND NeedsAttentionSince IS NULL AND SagaState = 'abandoned'`;
    expect((await temporal.client.workflow.count(ended)).count).toBe(1);
  });
});

test('a cancelled run begins nothing new', async () => {
  const handle = await start({ steps: ['a', 'b'], nap: 1_500 });
  await handle.cancel();
  expect((await failureOf(handle)).type).toBe('CancelledFailure');
  expect(world.calls).toEqual([]);
  expect(world.states()).toEqual(['rolled_back']);
});

test('a cancelled run takes back what only the journal knows of, because its workflow task was lost', async () => {
  world.begun = ['a', 'b'];
  const handle = await start({ steps: ['a', 'b', 'c'], nap: 1_500 });
  await handle.cancel();
  expect((await failureOf(handle)).type).toBe('CancelledFailure');
  expect(world.calls).toEqual(['do a', 'do b', 'undo b', 'undo a']);
  expect(world.states()).toEqual(['rolled_back']);
});

test('cancelling rolls back and the run closes as cancelled', async () => {
  const handle = await start({ steps: ['a', 'b'], linger: 60_000 });
  await eventually(() => expect(world.calls).toEqual(['do a', 'do b']));
  await handle.cancel();
  expect(await failureOf(handle)).toMatchObject({ type: 'CancelledFailure' });
  expect(world.calls).toEqual(['do a', 'do b', 'undo b', 'undo a']);
  expect(world.rollbacks.get('a')).toMatchObject({ cancelled: true });
  expect((await handle.describe()).status.name).toBe('CANCELLED');
});

test('past the point of no return a failing step waits for a person and then goes on', async () => {
  world.fail('do c', 1);
  const handle = await start({ steps: ['a', 'b!', 'c'] });
  await untilStuck(handle, 'c');
  await handle.cancel(); // too late: nothing is taken back
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'c', action: 'retry', ...by }] });
  expect(await handle.result()).toEqual(['a', 'b!', 'c']);
  expect(world.calls).toEqual(['do a', 'do b!', 'do c', 'do c']);
  expect(world.states()).toEqual(['needs_attention', 'running', 'succeeded']);
});

test('a step skipped past the point of no return fails the run and keeps what was done', async () => {
  world.fail('do b!');
  const handle = await start({ steps: ['a', 'b!', 'c'] });
  await untilStuck(handle, 'b!');
  await handle.executeUpdate(resolveUpdate, { args: [{ step: 'b!', action: 'skip', ...by }] });
  expect((await failureOf(handle)).message).toBe('do b! refused');
  expect(world.calls).toEqual(['do a', 'do b!']);
  const view = await handle.query(sagaQuery);
  expect(view.steps.map(({ name, state }) => [name, state])).toEqual([
    ['a', 'kept'],
    ['b!', 'skipped'],
  ]);
});

test('a step without undo is kept, with its reason in the view', async () => {
  world.fail('do b');
  const handle = await start({ steps: ['a-', 'b'] });
  await failureOf(handle);
  const view = await handle.query(sagaQuery);
  expect(view.steps[0]).toMatchObject({ state: 'kept', undo: 'nothing', why: 'it reads only' });
});

test('a bug fails the workflow task and takes nothing back', async () => {
  const handle = await start({ steps: ['a'], bug: true });
  await eventually(async () => {
    const { events } = await handle.fetchHistory();
    expect(events!.some((event) => event.workflowTaskFailedEventAttributes)).toBe(true);
  });
  expect(world.calls).toEqual(['do a']);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await handle.terminate();
});
