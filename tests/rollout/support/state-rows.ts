import { baseState } from '../../../domain/rollout/base';
import { isHeldByStopped, rolloutState, type Projected } from '../../../domain/rollout/projection';
import {
  initialActiveState,
  isRunning,
  isSettled,
  isSetupPhase,
  isTerminal,
  normalState,
  type ApplyState,
} from '../../../domain/rollout/states';
import { operationOf } from '../../../domain/rollout/tasks';
import type { Case } from '../../support/cases';
import { expectAggregate, type AggregateCase } from './aggregate-rows';

/** A row about the state of an apply. Which members it has follows from its kind. */
export interface StateCase extends Case {
  readonly kind: string;
  readonly operations: readonly (string | number | null)[];
  readonly policies?: readonly string[];
  readonly derived?: ApplyState;
  readonly expected: never;
  readonly expected_by_epoch?: { readonly E4?: never };
}

/** How rows of each kind are run. */
export const kinds: Readonly<Record<string, (row: StateCase) => void>> = {
  base: (row) => expect(baseState(words(row))).toBe(expectedOf(row)),
  rollout: (row) => expect(rolloutState(projected(row))).toBe(expectedOf(row)),
  held_by_resumable_child: (row) => expect(isHeldByStopped(row.derived!, projected(row))).toBe(row.expected),
  normalize: (row) => expect(normalState(words(row)[0]!)).toBe(row.expected),
  is_terminal: (row) => expect(isTerminal(words(row)[0]!)).toBe(row.expected),
  is_settled: (row) => expect(isSettled(words(row)[0]!)).toBe(row.expected),
  is_running_family: (row) => expect(isRunning(words(row)[0]!)).toBe(row.expected),
  is_setup_phase: (row) => expect(isSetupPhase(words(row)[0]!)).toBe(row.expected),
  initial_active_state: (row) => expect(initialActiveState(words(row)[0]!)).toBe(row.expected),
  classify_tasks: expectTasks,
  aggregate: (row) => expectAggregate(row as unknown as AggregateCase),
};

/** Later epochs correct earlier ones; the newest holds. */
function expectedOf({ expected, expected_by_epoch: epochs }: StateCase): unknown {
  return epochs?.E4 ?? expected;
}

function words({ operations }: StateCase): string[] {
  return operations.map(String);
}

function projected(row: StateCase): Projected[] {
  return words(row).map((word, position) => {
    const policy = row.policies?.[position];
    const released = policy === 'released';
    return {
      ...{ state: normalState(word), position, started: true },
      ...{ onFailure: released ? 'pause' : policy, released },
    };
  });
}

function expectTasks({ operations, expected }: StateCase): void {
  const found = operationOf(
    operations.map((id) => ({ state: 'running', operationId: id === null ? null : String(id) })),
  );
  if (expected === 'error') return expect(found).toBe('several');
  const { uses_model: usesModel, id } = expected as { readonly uses_model: boolean; readonly id: number };
  expect(found).toEqual({ id: usesModel ? String(id) : null });
}
