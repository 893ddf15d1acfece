import { baseState } from './base';
import { isTerminal, type ApplyState } from './states';

/** The share of one table in an operation, as the engine reports it. */
export interface Task {
  readonly state: string;
  /** Null where the change has no operations, as on a database with one deployment. */
  readonly operationId: string | null;
}

/** Which operation tasks are about: null where there are no operations, `several` where that cannot be said. */
export function operationOf(tasks: readonly Task[]): { readonly id: string | null } | 'several' {
  const ids = new Set(tasks.map(({ operationId }) => operationId));
  return ids.size > 1 ? 'several' : { id: [...ids][0] ?? null };
}

/** The state of an operation from its tasks. */
export function stateOfTasks(tasks: readonly Task[]): ApplyState {
  return baseState(tasks.map(({ state }) => state));
}

/**
 * Whether an operation needs nobody who watches it now: it has ended, or is parked until its turn to cut over. Its apply
 * may go on all the same.
 * @param parks whether cut-overs are made one after another, rather than by each operation when somebody says so
 */
export function isAtRest(state: ApplyState, parks: boolean): boolean {
  return isTerminal(state) || (parks && state === 'waiting_for_cutover');
}
