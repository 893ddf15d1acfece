import type { FailureView } from '../../domain/saga';

/** What is known of a step's do when its undo runs: a timeout may hide a success. */
export type Outcome<T> = { readonly known: true; readonly value: T } | { readonly known: false };

/** What an undo may want to know of the rollback it is part of. */
export interface Rollback {
  /** The step whose do failed; undefined when the run was cancelled between two steps. */
  readonly failedStep: string | undefined;
  /** Why the run is taken back. */
  readonly error: FailureView;
  readonly cancelled: boolean;
  /** Steps whose undo is stuck, or was skipped by a person: what they left behind may still be there. */
  readonly leftBehind: readonly string[];
}

/**
 * How a step is taken back. Every step says one of the three; there is no default. An undo must be right when its do
 * never ran, half ran, or ran and its answer was lost, and when it runs again.
 */
export type Undo<T> =
  | ((outcome: Outcome<T>, rollback: Rollback) => Promise<void>)
  | { readonly nothing: string }
  | { readonly pointOfNoReturn: string };

/** The step leaves nothing behind, or another step's undo takes it back. */
export function nothing(why: string): { readonly nothing: string } {
  return { nothing: why };
}

/**
 * From the moment this step's do begins there is no way back: what came before is kept, and what fails from here on
 * waits for a person instead of being rolled back.
 */
export function pointOfNoReturn(why: string): { readonly pointOfNoReturn: string } {
  return { pointOfNoReturn: why };
}

export interface Step<T> {
  readonly do: () => Promise<T>;
  readonly undo: Undo<T>;
}
