import { readOperation, type Blame, type ReadOperation } from './operation';
import { rolloutState } from './projection';
import { isSettled, isTerminal, type ApplyState } from './states';

/** What is kept of an apply as a whole. */
export interface Outcome {
  readonly state: ApplyState;
  /** When it settled; null before that, and while it is stopped or tried again. */
  readonly completedAt: Date | null;
  /** Why it failed, for people; null until it settled. */
  readonly error: string | null;
}

/** What an operation has to say that may not be in its row yet. */
export interface Current {
  /** Null where it cannot be said which operation it is. */
  readonly id: string | null;
  readonly state: ApplyState;
  readonly error?: string | null;
}

/** What the state of an apply is found from. */
export interface Known {
  readonly applyId: string;
  /** How many operations it has; all of them have to be there. */
  readonly expected: number;
  /** All that a store has, whatever it holds; `none` where the change is that of one database, without operations. */
  readonly rows: readonly unknown[] | 'unreadable' | 'none';
  readonly stored: Outcome;
  readonly current?: Current;
  /** Whether somebody holds the rollout. */
  readonly paused?: boolean;
  readonly at: Date;
}

/** The state of an apply, or why nobody can say more than what was known before. */
export interface Verdict extends Outcome {
  /** Whether the state was found now, rather than kept. */
  readonly determined: boolean;
  /** Every row that is in the way of the truth; while there is one, the apply does not end. */
  readonly blamed: readonly Blame[];
}

/** Finds the state of an apply. What has settled stays as it is. */
export function verdictOf(known: Known): Verdict {
  const { stored, current } = known;
  if (isSettled(stored.state)) return { ...stored, determined: true, blamed: [] };
  if (known.rows === 'none') return current ? found(known, current.state, []) : kept(stored, []);
  const { operations, blamed } = readAll(known, known.rows);
  if (blamed.length === 0) return found(known, rolloutState(operations, known.paused), operations);
  // That something is under way is true whatever the others are.
  const isUnderWay = current !== undefined && !isTerminal(current.state);
  return isUnderWay ? { ...unsettled(current.state), determined: true, blamed } : kept(stored, blamed);
}

function found({ current, at }: Known, state: ApplyState, operations: readonly ReadOperation[]): Verdict {
  if (!isSettled(state)) return { ...unsettled(state), determined: true, blamed: [] };
  const error = state === 'failed' ? (failureOf(operations) ?? current?.error ?? null) : null;
  return { state, completedAt: at, error, determined: true, blamed: [] };
}

function kept(stored: Outcome, blamed: readonly Blame[]): Verdict {
  return { ...unsettled(stored.state), determined: false, blamed };
}

function unsettled(state: ApplyState): Outcome {
  return { state, completedAt: null, error: null };
}

/** The first failure in the order of the rollout, and how many there are beside it. */
function failureOf(operations: readonly ReadOperation[]): string | null {
  const failed = operations.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return null;
  const first = failed.reduce((one, other) => (other.position < one.position ? other : one));
  const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`;
  return `deployment ${first.deployment} failed: ${first.error ?? 'nobody said why'}${others}`;
}

/** Reads every row and looks whether all are there, each once. */
function readAll(
  known: Known,
  rows: readonly unknown[] | 'unreadable',
): { readonly operations: readonly ReadOperation[]; readonly blamed: readonly Blame[] } {
  if (rows === 'unreadable') return { operations: [], blamed: [{ operation: 'all', reason: 'no row could be read' }] };
  const operations: ReadOperation[] = [];
  const blamed: Blame[] = [];
  const { current, expected } = known;
  const taken = new Uint8Array(expected);
  let isCurrentThere = false;
  for (const [i, row] of rows.entries()) {
    const operation = readOperation(row, known.applyId);
    if (typeof operation === 'string') blamed.push({ operation: nameOf(row, i), reason: operation });
    else if (operation.position >= expected)
      blamed.push({ operation: operation.id, reason: 'its place is behind the last of the rollout' });
    else if (taken[operation.position])
      blamed.push({ operation: operation.id, reason: 'it is there twice, or another has its place' });
    else {
      taken[operation.position] = 1;
      isCurrentThere ||= operation.id === current?.id;
      operations.push(current ? folded(operation, current) : operation);
    }
  }
  if (rows.length !== expected)
    blamed.push({ operation: 'all', reason: `${expected} operations are expected, and ${rows.length} are there` });
  if (current && !isCurrentThere)
    blamed.push({ operation: current.id ?? 'unknown', reason: 'what it says cannot be set beside its row' });
  return { operations, blamed };
}

/** A row with what its operation says now. What has settled in the row comes from later than whatever says otherwise. */
function folded(operation: ReadOperation, current: Current): ReadOperation {
  if (current.id !== operation.id || isSettled(operation.state)) return operation;
  return { ...operation, state: current.state, started: true, error: current.error ?? operation.error };
}

function nameOf(row: unknown, index: number): string {
  const id = (row as { readonly id?: unknown } | null)?.id;
  return typeof id === 'string' && id !== '' ? id : `row ${index + 1}`;
}
