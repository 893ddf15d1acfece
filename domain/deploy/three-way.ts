import type { SchemaModel } from '../schema/model';
import { mergeNamed, type Conflict } from './merge';
import { mergeTables } from './merge-tables';
import { same } from '../schema/table-change';

/** Three states of one schema. */
export interface ThreeSchemas {
  /** What the branch began with. */
  readonly base: SchemaModel;
  readonly branch: SchemaModel;
  /** What the branch is deployed into, as it is now. */
  readonly target: SchemaModel;
}

export interface Merged {
  /** The target with what the branch has changed. Where there are conflicts it is of no use. */
  readonly merged: SchemaModel;
  readonly conflicts: readonly Conflict[];
}

/**
 * Applies what a branch has changed since it began to what its target has become since. What only one of them changed
 * is taken from that one; what both changed to the same, too; anything else that both changed is a conflict.
 */
export function mergeSchemas({ base, branch, target }: ThreeSchemas): Merged {
  const conflicts: Conflict[] = [];
  const simple = <T extends { readonly name: string }>(what: string, of: (model: SchemaModel) => readonly T[]): T[] =>
    mergeNamed(what, { base: of(base), branch: of(branch), target: of(target) }, conflicts, null);
  const merged: SchemaModel = {
    ...target,
    defaults: same(branch.defaults, base.defaults) ? target.defaults : branch.defaults,
    tables: mergeTables({ base: base.tables, branch: branch.tables, target: target.tables }, conflicts),
    views: simple('view', ({ views }) => views),
    routines: simple('routine', ({ routines }) => routines),
    sequences: simple('sequence', ({ sequences }) => sequences),
    enums: simple('type', ({ enums }) => enums),
    domains: simple('domain', ({ domains }) => domains),
  };
  return { merged, conflicts };
}
