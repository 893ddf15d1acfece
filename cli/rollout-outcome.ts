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

/** As much of a rollout as tells whether it is over. */
type Seen = Pick<ApplyJson, 'state' | 'determined' | 'asked' | 'operations_by_state'>;

/** Tells, look after look, whether a command has what it waited for, or waits in vain. */
export function outlook(command: Awaited): (apply: Seen) => boolean {
  let wasReverting = false;
  return (apply) => {
    if (applyStateFacts[apply.state].settled) return true;
    // A state that was kept from before is nobody's end.
    if (!apply.determined) return false;
    // Held up: it would lose something. The window is open again.
    if (command === 'revert' && apply.asked.revert === null && wasReverting) return true;
    wasReverting ||= apply.asked.revert !== null;
    return hasCome(command, apply);
  };
}

/**
 * What a rollout makes the exit code of a command: 0 where it is what was wanted; 3 where a person has to look at what
 * has failed, because it keeps others waiting; 1 where it ended otherwise.
 */
export function exitOf(command: Awaited, apply: Pick<Seen, 'state' | 'operations_by_state'>): Exit {
  if (hasCome(command, apply)) return Exit.ok;
  return apply.state === 'failed' ? Exit.needsAttention : Exit.failed;
}

function hasCome(
  command: Awaited,
  { state, operations_by_state: counts }: Pick<Seen, 'state' | 'operations_by_state'>,
) {
  if (!(wanted[command] as readonly ApplyState[]).includes(state)) return false;
  // One that is live in one place alone is so for as long as the others are on their way.
  const live: readonly string[] = wanted.cutover;
  return command !== 'cutover' || Object.entries(counts).every(([each, amount]) => amount === 0 || live.includes(each));
}
