import type { Operation, SchemaChange } from './change';
import type { Rename } from './change';
import type { Table } from './model';

/** How an operation is made. */
export const Way = {
  /** By a statement that only touches the catalog, at the cut-over. It was tried on an empty copy of the table. */
  instant: 'instant',
  /** By making or putting aside a whole object: CREATE, DROP as a rename, views. Nothing is copied. */
  immediate: 'immediate',
  /** By a second table that is filled beside the live one and takes its place. */
  shadow: 'shadow',
} as const;
export type Way = (typeof Way)[keyof typeof Way];

/** An operation and how it is made. */
export interface PlannedOperation extends Operation {
  readonly way: Way;
  /** Why in that way, for people. */
  readonly because: string;
  /** What the shadow is of; null for any other way. */
  readonly shadow: Shadow | null;
}

/** What fills a table's shadow. */
export interface Shadow {
  readonly from: Table;
  readonly to: Table;
  readonly renames: readonly Rename[];
  /** Columns of a unique not-null key of both sides, by their names on the old side, in its order. */
  readonly key: readonly string[];
}

/** A change as the engine makes it: all its operations take effect in one moment, or none does. */
export interface PlannedChange extends SchemaChange {
  /** Lower-case letters, digits and hyphens; what everything that the change makes is known by. */
  readonly id: string;
  readonly operations: readonly PlannedOperation[];
}
