import type { ApplyEvent, ApplyOperation, ApplyRecord } from '../../../domain/rollout/apply';
import { knownState, type ApplyState } from '../../../domain/rollout/states';
import { verdictOf, type Outcome } from '../../../domain/rollout/verdict';

/** An operation as far as its apply's state follows from it. */
interface Replayed {
  readonly id: string;
  readonly applyId: string;
  readonly deployment: string;
  readonly position: number;
  readonly onFailure: string;
  readonly error: string | null;
  state: ApplyState;
  released: boolean;
  startedAt: Date | null;
}

/** What became of an apply by its events, beside what the verdict over its operations says of each moment. */
export interface Replay {
  /** The states that were recorded, in their order. */
  readonly recorded: readonly ApplyState[];
  /** What the verdict says at the same moments. */
  readonly found: readonly ApplyState[];
  readonly versions: readonly number[];
  /** Where each operation ended, by position. */
  readonly ends: readonly ApplyState[];
  /** Events of operations after the apply had ended. */
  readonly late: readonly ApplyEvent[];
  /** Events that do not begin where the one before ended. */
  readonly torn: readonly ApplyEvent[];
}

/** Plays the recorded events of an apply once more. @param operations as they are in the end */
export function replay(
  apply: ApplyRecord,
  operations: readonly ApplyOperation[],
  events: readonly ApplyEvent[],
): Replay {
  const rows = operations
    .toSorted((a, b) => a.position - b.position)
    .map(({ id, deployment, position, onFailure, error }): Replayed => ({
      ...{ id, applyId: apply.id, deployment, position, onFailure, error },
      ...{ state: 'pending', released: false, startedAt: null },
    }));
  const [recorded, found, versions, late, torn]: [ApplyState[], ApplyState[], number[], ApplyEvent[], ApplyEvent[]] = [
    ...([[], [], [], [], []] as [[], [], [], [], []]),
  ];
  let stored: Outcome = { state: 'pending', completedAt: null, error: null };
  let paused = false;
  for (const event of events) {
    const row = rows.find(({ id }) => id === event.operationId);
    if (row) {
      if (row.state !== event.from) torn.push(event);
      if (stored.completedAt !== null) late.push(event);
      row.state = event.to;
      if (event.to === 'running' || event.to === 'resuming') row.startedAt ??= event.at;
      continue;
    }
    if (event.from !== stored.state) torn.push(event);
    if (event.text.includes('asked for a pause')) paused = true;
    if (event.text.includes('nobody asks for a pause')) paused = false;
    if (event.text.includes('go on all the same'))
      for (const each of rows) if (each.state === 'failed' && each.onFailure === 'pause') each.released = true;
    const { at } = event;
    const verdict = verdictOf({ applyId: apply.id, expected: apply.expected, rows, stored, paused, at });
    recorded.push(event.to);
    found.push(verdict.state);
    versions.push(event.version);
    stored = { state: event.to, completedAt: verdict.completedAt, error: verdict.error };
  }
  return { recorded, found, versions, ends: rows.map(({ state }) => state), late, torn };
}

/** A raw state of a row. */
export function stateOf(row: unknown): ApplyState | null {
  return knownState(String((row as { readonly state: unknown }).state));
}
