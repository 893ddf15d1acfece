import type { ApplyRecord } from './apply';
import type { ApplyNow } from './contract';
import type { ApplyState } from './states';

/** Where an apply stands, as far as that says what can be done with it. @param operations those that can be read */
export function applyNowOf(
  { state, determined, asked }: Pick<ApplyRecord, 'state' | 'determined' | 'asked'>,
  operations: readonly { readonly state: ApplyState }[],
): ApplyNow {
  const counts: Partial<Record<ApplyState, number>> = {};
  for (const operation of operations) counts[operation.state] = (counts[operation.state] ?? 0) + 1;
  return {
    state,
    determined,
    paused: asked.pause !== null,
    stopping: asked.stop !== null,
    cancelling: asked.cancel !== null,
    reverting: asked.revert !== null,
    operations: counts,
  };
}
