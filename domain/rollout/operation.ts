import { Failure } from '../failures';
import type { Projected } from './projection';
import { knownState } from './states';

/** An operation as its row has it, as far as its apply's state follows from it. */
export interface ReadOperation extends Projected {
  readonly id: string;
  readonly deployment: string;
  /** Why it failed, for people. */
  readonly error: string | null;
}

/** Why a row says nothing about an apply. */
export interface Blame {
  /** What is known of it: its id, or its place. */
  readonly operation: string;
  /** For people. */
  readonly reason: string;
}

/** What a row should hold; any of it may be anything. */
type RawOperation = Readonly<Partial<Record<keyof ReadOperation | 'applyId' | 'startedAt', unknown>>>;

/** Reads a row of a store that may hold anything. @returns what is wrong with it, as a sentence, where it cannot be read */
export function readOperation(row: unknown, applyId: string): ReadOperation | string {
  if (typeof row !== 'object' || row === null) return 'its row cannot be read';
  const raw: RawOperation = row;
  const { id, position, deployment, error } = raw;
  if (raw.applyId !== applyId) return 'it belongs to another apply';
  if (typeof id !== 'string' || id === '') return 'it has no id';
  if (typeof position !== 'number' || !Number.isInteger(position) || position < 0)
    return 'its place in the rollout is not a number';
  const state = typeof raw.state === 'string' ? knownState(raw.state) : null;
  if (state === null) return 'its state is not one that is known';
  return {
    id,
    position,
    state,
    deployment: typeof deployment === 'string' ? deployment : id,
    error: typeof error === 'string' && error !== '' ? error : null,
    onFailure: raw.onFailure,
    released: raw.released === true,
    // A row that does not say may have begun.
    started: raw.startedAt !== null,
  };
}

/** A place that a rollout goes to. */
export interface Deployment {
  readonly id: string;
  readonly createdAt: Date;
}

/**
 * Deployments in the order of their operations: the oldest first.
 * @throws Failure INVALID_INPUT when one is named twice
 */
export function inOrder<T extends Deployment>(deployments: readonly T[]): readonly T[] {
  const seen = new Set<string>();
  for (const { id } of deployments) {
    if (seen.has(id)) throw new Failure('INVALID_INPUT', `deployment ${id} has an operation of this apply already`);
    seen.add(id);
  }
  return [...deployments].sort((a, b) => +a.createdAt - +b.createdAt || (a.id < b.id ? -1 : 1));
}
