import { applyStateFacts, type ApplyState } from '../domain/rollout/states';
import { Exit } from './exit';
import type { ApplyJson } from './rollout-shapes';

/** The states that are what a command was for; it waits until one of them, or the end, has come. */
export const wanted = {
  watch: ['completed'],
  stop: ['stopped'],
  cutover: ['revert_window', 'skipping_revert', 'completed'],
  cancel: ['cancelled'],
  revert: ['reverted'],
  'skip-revert': ['completed'],
} as const satisfies Record<string, readonly ApplyState[]>;
export type Awaited = keyof typeof wanted;

/** Whether a command has what it waited for, or waits in vain. */
export function isOver(command: Awaited, { state, determined, asked }: ApplyJson): boolean {
  if (applyStateFacts[state].settled) return true;
  // A state that was kept from before is nobody's end.
  if (!determined) return false;
  // What it would lose, or who holds it up, is told; the window is open again.
  if (command === 'revert' && asked.revert === null) return true;
  return (wanted[command] as readonly ApplyState[]).includes(state);
}

/**
 * What a state makes the exit code of a command: 0 where it is what was wanted; 3 where a person has to look at what has
 * failed, because it keeps others waiting; 1 where it ended otherwise.
 */
export function exitOf(command: Awaited, { state }: Pick<ApplyJson, 'state'>): Exit {
  if ((wanted[command] as readonly ApplyState[]).includes(state)) return Exit.ok;
  return state === 'failed' ? Exit.needsAttention : Exit.failed;
}
