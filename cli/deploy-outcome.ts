import type { DeploymentState } from '../domain/deploy/states';
import { holdsPlace, isTerminal } from '../domain/deploy/states';
import { Exit } from './exit';

/** The states that are what a command was for; it waits until one of them, or the end, has come. */
export const wanted = {
  start: ['pending_cutover', 'complete_pending_revert', 'complete'],
  apply: ['complete_pending_revert', 'complete'],
  cancel: ['complete_cancel', 'cancelled'],
  revert: ['complete_revert'],
  'skip-revert': ['complete'],
  'complete-deploy': ['complete', 'complete_cancel'],
  watch: ['complete'],
} as const satisfies Record<string, readonly DeploymentState[]>;
export type Awaited = keyof typeof wanted;

/**
 * What a state makes the exit code of a command: 0 where it is what was wanted; 3 where a person has to look at what has
 * failed, because it keeps others waiting; 1 where it ended otherwise.
 */
export function exitOf(command: Awaited, state: DeploymentState): Exit {
  if ((wanted[command] as readonly DeploymentState[]).includes(state)) return Exit.ok;
  return isTerminal(state) && holdsPlace(state) ? Exit.needsAttention : Exit.failed;
}
