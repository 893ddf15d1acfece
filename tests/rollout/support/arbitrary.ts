import fc from 'fast-check';
import type { ReadOperation } from '../../../domain/rollout/operation';
import { ApplyState, applyStateFacts } from '../../../domain/rollout/states';

export const states = Object.values(ApplyState);
export const settled = states.filter((state) => applyStateFacts[state].settled);

/** What is done for a deployment right now, or can be at any moment: whatever is neither settled nor waits to be begun. */
export const atWork = states.filter((state) => !applyStateFacts[state].terminal && state !== 'pending');

export const applyId = 'the-apply';

/** An operation as a store has it. */
export interface StoredOperation extends Omit<ReadOperation, 'started'> {
  readonly applyId: string;
  readonly startedAt: Date | null;
}

/** Operations of one apply, in the order of the rollout. */
export function operations(of: readonly ApplyState[] = states, minLength = 1): fc.Arbitrary<StoredOperation[]> {
  const operation = fc.record({
    state: fc.constantFrom(...of),
    onFailure: fc.constantFrom<unknown>('halt', 'continue', 'pause', 'Continue', '', null, 7),
    released: fc.boolean(),
    startedAt: fc.constantFrom(null, new Date(0)),
    error: fc.constantFrom(null, 'the disk is full'),
  });
  return fc
    .array(operation, { minLength, maxLength: 12 })
    .map((all) =>
      all.map((each, position) => ({ ...each, applyId, position, id: `op-${position}`, deployment: `d${position}` })),
    );
}

/** The same things in another order. */
export function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}
