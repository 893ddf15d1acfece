import { CancellationScope, proxyActivities, sleep } from '@temporalio/workflow';
import type { RunPolicy } from '../../domain/run-policy';
import { nothing, pointOfNoReturn, type Rollback } from '../../workflows/saga/undo';
import { Saga } from '../../workflows/saga/saga';

export interface FakeActivities {
  act(step: string): Promise<string>;
  takeBack(step: string, rollback: Rollback, known: boolean): Promise<void>;
}

const policy: RunPolicy = {
  stepTimeoutMs: 1_000,
  stepAttempts: 2,
  retryIntervalMs: 10,
  undoAttempts: 3,
  edgeDeadlineMs: 1_000,
  attentionDeadlineMs: 60_000,
};
const { act, takeBack } = proxyActivities<FakeActivities>({
  startToCloseTimeout: policy.stepTimeoutMs,
  retry: { maximumAttempts: policy.undoAttempts, initialInterval: 10 },
});

export interface Script {
  /** Names of the steps; `!` at the end makes it a point of no return, `-` one without undo. */
  readonly steps: readonly string[];
  readonly attentionDeadlineMs?: number;
  /** A bug: throws what is no Temporal failure after the steps. */
  readonly bug?: boolean;
  /** Milliseconds before the first step, in which a cancel comes in. */
  readonly nap?: number;
  /** Milliseconds to linger after the steps. */
  readonly linger?: number;
}

export async function scripted(script: Script): Promise<string[]> {
  const definition = {
    kind: 'test.scripted',
    organizationId: 'o-1',
    placement: 'local' as const,
    policy: { ...policy, attentionDeadlineMs: script.attentionDeadlineMs ?? policy.attentionDeadlineMs },
  };
  return await Saga.run(definition, async (saga) => {
    const results = [];
    const { nap } = script;
    if (nap !== undefined) await CancellationScope.nonCancellable(() => sleep(nap));
    for (const step of script.steps) {
      const undo = step.endsWith('!')
        ? pointOfNoReturn('it is gone')
        : step.endsWith('-')
          ? nothing('it reads only')
          : (outcome: { known: boolean }, rollback: Rollback) => takeBack(step, rollback, outcome.known);
      results.push(await saga.step(step, { do: () => act(step), undo }));
    }
    if (script.bug) throw new TypeError('a bug');
    if (script.linger) await sleep(script.linger);
    return results;
  });
}
