import type { WorkflowHandle } from '@temporalio/client';
import type { JournalEntry } from '../../domain/journal';
import type { RunPolicy } from '../../domain/run-policy';
import { resolveUpdate, sagaQuery } from '../../workflows/saga/messages';
import { eventually } from './eventually';
import { injected, type Fault, type Faults } from './faults';
import type { Snapshot } from './snapshot';
import { impatientPolicy, type World } from './world';

/** A saga under test. */
export interface SagaUnderTest {
  readonly name: string;
  /**
   * Its steps in order; `undo` says whether there is an undo to fail, `quarantines` whether its failing keeps the replica
   * out of the pool, `final` whether what was done stays once its undo was stuck.
   */
  readonly steps: readonly {
    readonly name: string;
    readonly undo: boolean;
    readonly quarantines?: boolean;
    readonly final?: boolean;
  }[];
  readonly world: () => World;
  readonly faults: () => Faults;
  /** Begins one run and returns its handle. `policy` is the world's unless told. */
  readonly begin: (policy?: RunPolicy) => Promise<WorkflowHandle>;
  /** What a good run leaves is right; takes it away again. */
  readonly succeeded: (handle: WorkflowHandle) => Promise<void>;
  /** Makes what a quarantine kept out of the pool usable again. */
  readonly tidy: () => Promise<void>;
}

/**
 * The tests that every saga gets: failing at each step before its effect, after its effect with the answer lost, by
 * timeout and while being cancelled; each do twice; each undo twice; an undo that fails three times and then works; one
 * that never works. What is compared is what the components hold, and a fault that did not fire fails the test.
 */
export function sagaHolds(saga: SagaUnderTest): void {
  const { steps } = saga;
  const undoable = steps.filter((step) => step.undo);
  const last = steps.at(-1)!;

  const takenBack = async (failing: string, expectedMessage: string | undefined, ...armed: Fault[]): Promise<void> => {
    const before = await saga.world().snapshot();
    saga.faults().arm(...armed);
    const timesOut = armed.some(({ how }) => how === 'timeout');
    const handle = await saga.begin(timesOut ? impatientPolicy : undefined);
    const error = await outcome(handle);
    expect(saga.faults().fired.every((count) => count > 0)).toBe(true);
    expect(error).toContain(expectedMessage ?? '');
    const view = await handle.query(sagaQuery);
    expect(view.state).toBe('rolled_back');
    if (expectedMessage !== undefined) expect(view.steps.find((step) => step.error)?.name).toBe(failing);
    await same(before);
    await wasJournalled(handle, failing);
  };

  const same = async (before: Snapshot): Promise<void> => {
    const quarantined = (await saga.world().snapshot()).pool.filter((replica) => replica.quarantined).length;
    expect(quarantined).toBeLessThanOrEqual(1);
    await saga.tidy();
    expect(await saga.world().snapshot()).toEqual(before);
  };

  const wasJournalled = async (handle: WorkflowHandle, failing: string): Promise<void> => {
    const entries = await saga.world().store.journal.after(0, { runId: handle.workflowId, limit: 500 });
    const undone = entries.filter((entry) => entry.type === 'attempt.started' && entry.phase === 'undo');
    const order = [...new Set(undone.map((entry) => (entry as { step: string }).step))];
    const begun = steps.slice(0, steps.findIndex((step) => step.name === failing) + 1);
    expect(order).toEqual(
      begun
        .filter((step) => step.undo)
        .map((step) => step.name)
        .reverse(),
    );
    // An attempt that timed out ends when it ends.
    await eventually(async () =>
      expect(openAttempts(await saga.world().store.journal.after(0, { runId: handle.workflowId, limit: 500 }))).toEqual(
        [],
      ),
    );
  };

  describe(saga.name, () => {
    test('succeeds', async () => {
      saga.faults().arm();
      const before = await saga.world().snapshot();
      const handle = await saga.begin();
      await handle.result();
      await saga.succeeded(handle);
      await same(before);
    });

    test.each(steps)('$name fails before its effect', async ({ name }) => {
      await takenBack(name, injected, { step: name, phase: 'do', how: 'before' });
    });

    test.each(steps)('$name has its effect and the answer is lost', async ({ name }) => {
      await takenBack(name, injected, { step: name, phase: 'do', how: 'after' });
    });

    test.each(steps)('$name times out after its effect', async ({ name }) => {
      await takenBack(name, '', { step: name, phase: 'do', how: 'timeout' });
    });

    test.each(steps)('the run is cancelled while $name is being done', async ({ name }) => {
      const begun: WorkflowHandle[] = [];
      const cancel = async (): Promise<void> => {
        await eventually(() => expect(begun).toHaveLength(1));
        await begun[0]!.cancel();
      };
      const before = await saga.world().snapshot();
      saga.faults().arm({ step: name, phase: 'do', how: 'during', times: 1, hook: cancel });
      const handle = await saga.begin();
      begun.push(handle);
      const error = await outcome(handle);
      expect(saga.faults().fired).toEqual([1]);
      if (error === '') {
        // The last step was already past when the cancel came in: the run ended well.
        expect(name).toBe(last.name);
        await saga.succeeded(handle);
      } else expect((await handle.query(sagaQuery)).state).toBe('rolled_back');
      await same(before);
    });

    test('every do twice', async () => {
      const before = await saga.world().snapshot();
      saga.faults().arm(...steps.map(({ name }) => ({ step: name, phase: 'do', how: 'twice' }) as const));
      const handle = await saga.begin();
      await handle.result();
      expect(saga.faults().fired.every((count) => count > 0)).toBe(true);
      await saga.succeeded(handle);
      await same(before);
    });

    test('every undo twice', async () => {
      const twice = undoable.map(({ name }) => ({ step: name, phase: 'undo', how: 'twice' }) as const);
      await takenBack(last.name, injected, { step: last.name, phase: 'do', how: 'after' }, ...twice);
    });

    test.each(undoable)('the undo of $name fails three times, then works', async ({ name }) => {
      await takenBack(
        last.name,
        injected,
        { step: last.name, phase: 'do', how: 'after' },
        { step: name, phase: 'undo', how: 'weather', times: 3 },
      );
      expect(saga.faults().fired[1]).toBe(3);
    });

    test.each(undoable.filter(({ final }) => !final))(
      'the undo of $name never works: it is shown, the others run, a person retries',
      async ({ name }) => {
        const before = await saga.world().snapshot();
        saga
          .faults()
          .arm({ step: last.name, phase: 'do', how: 'after' }, { step: name, phase: 'undo', how: 'weather' });
        const handle = await saga.begin();
        await eventually(async () => {
          const view = await handle.query(sagaQuery);
          expect(view.state).toBe('needs_attention');
          expect(view.steps.filter((step) => step.state === 'stuck').map((step) => step.name)).toEqual([name]);
        }, 30_000);
        const held = (await saga.world().snapshot()).pool.filter(({ holder, quarantined }) => holder ?? quarantined);
        const heldBefore = before.pool.filter(({ holder, quarantined }) => holder ?? quarantined);
        expect(held.length).toBeGreaterThanOrEqual(Math.max(1, heldBefore.length)); // a shared slot is never freed meanwhile
        const [run] = await saga.world().store.journal.attention({ limit: 10 });
        expect(run).toMatchObject({ id: handle.workflowId, state: 'needs_attention' });

        saga.faults().arm();
        await handle.executeUpdate(resolveUpdate, {
          args: [{ step: name, action: 'retry', reason: 'the weather is better', by: 'test' }],
        });
        expect(await outcome(handle)).toContain(injected);
        expect((await handle.query(sagaQuery)).state).toBe('rolled_back');
        await same(before);
      },
    );
  });
}

/** The message a run failed with; empty when it succeeded. */
async function outcome(handle: WorkflowHandle): Promise<string> {
  return await handle.result().then(
    () => '',
    (error: Error & { cause?: Error }) => error.cause?.message ?? error.message,
  );
}

/** Attempts that started and never ended. */
export function openAttempts(entries: readonly JournalEntry[]): string[] {
  const open = new Set<string>();
  for (const entry of entries) {
    if (entry.type !== 'attempt.started' && entry.type !== 'attempt.ended') continue;
    const key = [entry.step, entry.phase, entry.activityId, entry.attempt].join('/');
    if (entry.type === 'attempt.started') open.add(key);
    else open.delete(key);
  }
  return [...open];
}
