import { isTerminal } from '../../../domain/rollout/states';
import { isAtRest, operationOf, stateOfTasks } from '../../../domain/rollout/tasks';
import { verdictOf, type Known, type Outcome } from '../../../domain/rollout/verdict';
import type { Case } from '../../support/cases';

/** A row about an apply whose operations are read while one of them has something to say. */
export interface AggregateCase extends Case {
  readonly current_operation_id: number;
  readonly tasks: readonly { readonly state: string; readonly apply_operation_id: number }[];
  readonly sibling_rows:
    | 'store_nil'
    | 'list_error'
    | readonly { readonly id: number; readonly state: string; readonly on_failure: string }[];
  readonly release_at_cutover_barrier?: boolean;
  readonly expected: Readonly<Record<string, unknown>>;
}

const applyId = 'the apply';
const stored: Outcome = { state: 'checksumming', completedAt: null, error: null };

/** Runs a row; each of its expectations is one that is known. */
export function expectAggregate(row: AggregateCase): void {
  const at = new Date(0);
  const tasks = row.tasks.map((task) => ({ state: task.state, operationId: String(task.apply_operation_id) }));
  const [about, state] = [operationOf(tasks), stateOfTasks(tasks)];
  const id = about === 'several' ? null : about.id;
  if (id !== null) expect(id).toBe(String(row.current_operation_id));
  const rows = rowsOf(row);
  // There is an operation, at the least the one that has something to say.
  const expected = typeof rows === 'string' ? 1 : Math.max(1, rows.length);
  const verdict = verdictOf({ applyId, expected, rows, stored, current: { id, state }, at });
  const checks: Readonly<Record<string, (value: unknown) => void>> = {
    determined: (value) => expect(verdict.determined).toBe(value),
    state: (value) => expect(verdict.state).toBe(value),
    terminal: (value) => expect(isTerminal(verdict.state)).toBe(value),
    apply_terminal: (value) => expect(isTerminal(verdict.state)).toBe(value),
    keep_stored: () => expect([verdict.state, verdict.blamed.length > 0]).toEqual([stored.state, true]),
    completed_at: (value) => expect(verdict.completedAt).toEqual(value === 'set' ? at : null),
    drive_exits: (value) => expect(isAtRest(state, row.release_at_cutover_barrier ?? false)).toBe(value),
    note: () => undefined,
  };
  for (const [what, value] of Object.entries(row.expected)) checks[what]!(value);
}

function rowsOf({ sibling_rows: rows }: AggregateCase): Known['rows'] {
  if (rows === 'store_nil') return 'none';
  if (rows === 'list_error') return 'unreadable';
  return rows.map(({ id, state, on_failure: onFailure }, position) => ({
    ...{ id: String(id), applyId, position, state, onFailure, deployment: `region-${id}`, released: false },
    startedAt: new Date(0),
  }));
}
