import type { ApplyState } from '../domain/rollout/states';
import type { Colour } from './text';

/** The phases of a deployment's share, in their order; a column each. */
export const phases = ['copy', 'catch up', 'compare', 'cut over', 'window'] as const;

/** How far a state is: phases that are over, and what becomes of the next. Those that may come from any phase are not named. */
const reached: Readonly<Partial<Record<ApplyState, readonly [over: number, next: 'goes on' | 'waits' | 'to come']>>> = {
  pending: [0, 'to come'],
  waiting_for_deploy: [0, 'waits'],
  preparing_branch: [0, 'goes on'],
  applying_branch_changes: [0, 'goes on'],
  validating_branch: [0, 'goes on'],
  creating_deploy_request: [0, 'goes on'],
  validating_deploy_request: [0, 'goes on'],
  running: [0, 'goes on'],
  resuming: [0, 'goes on'],
  catching_up: [1, 'goes on'],
  checksumming: [2, 'goes on'],
  post_checksum: [3, 'to come'],
  waiting_for_cutover: [3, 'waits'],
  cutting_over: [3, 'goes on'],
  recovering: [3, 'goes on'],
  revert_window: [4, 'goes on'],
  skipping_revert: [4, 'goes on'],
  completed: [5, 'to come'],
};

/** What stands in the column of a phase. */
export interface Mark {
  readonly text: string;
  readonly colour: Colour | undefined;
}

const over: Mark = { text: '✓', colour: 'green' };
const toCome: Mark = { text: '·', colour: 'dim' };
const next: Readonly<Record<'goes on' | 'waits' | 'to come', Mark>> = {
  'goes on': { text: '●', colour: undefined },
  waits: { text: '○', colour: 'yellow' },
  'to come': toCome,
};

/** The marks of a state, one a phase; blank where the state may come after any of them. */
export function marksOf(state: ApplyState): readonly Mark[] {
  const found = reached[state];
  if (!found) return phases.map(() => ({ text: ' ', colour: undefined }));
  const [before, present] = found;
  return phases.map((_, index) => (index < before ? over : index === before ? next[present] : toCome));
}

/** The colour of the state of a rollout, or of a deployment's share. */
export function applyColour(state: ApplyState): Colour | undefined {
  if (state === 'failed' || state === 'failed_retryable' || state === 'running_degraded') return 'red';
  if (state === 'completed' || state === 'revert_window') return 'green';
  if (state === 'pending') return 'dim';
  const calls: readonly ApplyState[] = ['waiting_for_cutover', 'waiting_for_deploy', 'paused', 'stopped'];
  return calls.includes(state) || state.startsWith('revert') || state === 'cancelled' ? 'yellow' : undefined;
}
