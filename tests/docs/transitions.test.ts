import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { sagaTransitions } from '../../domain/saga';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import type { Script, scripted } from '../saga/workflows';
import { eventually } from '../support/eventually';
import { testBundle, testTemporal, type TestTemporal } from '../support/temporal';

/** Calls that fail, and how often from now on. */
const failing = new Map<string, number>();
let temporal: TestTemporal;
let worker: Worker;
let running: Promise<void>;

function call(name: string): void {
  const left = failing.get(name) ?? 0;
  if (left <= 0) return;
  failing.set(name, left - 1);
  throw ApplicationFailure.create({ type: 'DNS_REFUSED', message: `${name} refused`, nonRetryable: true });
}

beforeAll(async () => {
  temporal = await testTemporal();
  worker = await Worker.create({
    connection: temporal.connection,
    namespace: temporal.namespace,
    taskQueue: 'saga',
    workflowBundle: await testBundle(require.resolve('../saga/workflows')),
    activities: {
      act: (step: string) => Promise.resolve(call(`do ${step}`)),
      takeBack: (step: string) => Promise.resolve(call(`undo ${step}`)),
      record: () => Promise.resolve(),
    },
  });
  running = worker.run();
}, 60_000);

afterAll(async () => {
  worker.shutdown();
  await running;
  await temporal.close();
});

type Handle = WorkflowHandle<typeof scripted>;

async function start(script: Script): Promise<Handle> {
  return await temporal.client.workflow.start<typeof scripted>('scripted', {
    taskQueue: 'saga',
    workflowId: randomUUID(),
    args: [script],
  });
}

async function decide(handle: Handle, step: string, action: 'retry' | 'skip'): Promise<void> {
  await eventually(async () => {
    const { steps } = await handle.query(sagaQuery);
    expect(steps.find(({ name }) => name === step)?.state).toBe('stuck');
  });
  await handle.executeUpdate(resolveUpdate, { args: [{ step, action, reason: 'a test', by: 'ada' }] });
}

/** The states that a run went through, as its own history tells. */
async function states(handle: Handle): Promise<string[]> {
  await handle.result().catch(() => undefined);
  const { events } = await handle.fetchHistory();
  return events!.flatMap(({ upsertWorkflowSearchAttributesEventAttributes: change }) => {
    const payload = change?.searchAttributes?.indexedFields?.['SagaState'];
    return payload ? [defaultPayloadConverter.fromPayload<[string] | string>(payload)].flat() : [];
  });
}

test('the engine goes every way of the table and no other', async () => {
  const seen: string[][] = [];
  const run = async (script: Script, fails: Record<string, number>, act?: (handle: Handle) => Promise<unknown>) => {
    failing.clear();
    for (const [name, times] of Object.entries(fails)) failing.set(name, times);
    const handle = await start(script);
    await act?.(handle);
    seen.push(await states(handle));
  };

  await run({ steps: ['a', 'b'] }, {});
  await run({ steps: ['a', 'b'] }, { 'do b': 1 });
  await run({ steps: ['a'], linger: 60_000 }, {}, async (handle) => {
    await eventually(async () => expect((await handle.query(sagaQuery)).steps[0]?.state).toBe('done'));
    await handle.cancel();
  });
  await run({ steps: ['a', 'b'] }, { 'do b': 1, 'undo a': 1 }, (handle) => decide(handle, 'a', 'retry'));
  await run({ steps: ['a', 'b'] }, { 'do b': 1, 'undo a': 1 }, (handle) => decide(handle, 'a', 'skip'));
  await run({ steps: ['a!', 'b'] }, { 'do b': 1 }, (handle) => decide(handle, 'b', 'retry'));
  await run({ steps: ['a!', 'b'] }, { 'do b': 1 }, (handle) => decide(handle, 'b', 'skip'));

  const ways = seen.flatMap((each) => each.map((to, index) => `${each[index - 1] ?? null} -> ${to}`));
  const table = sagaTransitions.map(({ from, to }) => `${from} -> ${to}`);
  expect([...new Set(ways)].sort()).toEqual(table.sort());
});
