import { isTerminal, type SagaState } from '../domain/saga';

/** The exit codes of `gatewright`. */
export const Exit = {
  ok: 0,
  /** The run failed and was taken back, or the command itself could not be done. */
  failed: 1,
  /** The command line is not right. */
  usage: 2,
  /** A run waits for a person. */
  needsAttention: 3,
  /** Ctrl-C, as shells number it. */
  interrupted: 130,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** What a run's state makes the exit code; a run that goes on is no failure. */
export function exitOf(state: SagaState): Exit {
  if (state === 'needs_attention') return Exit.needsAttention;
  return isTerminal(state) && state !== 'succeeded' ? Exit.failed : Exit.ok;
}
