import { OperationKind, type Operation, type SchemaChange } from './change';
import type { DdlWriter } from './ddl';
import { diff } from './diff';
import { sharedKey } from './key';
import { tableOf } from './model';
import { Way, type PlannedChange, type PlannedOperation } from './plan';

/** What is known beside the schemas when ways are chosen. */
export interface WayFacts {
  /** Tables whose change was tried on an empty copy and only touched the catalog. */
  readonly instant: ReadonlySet<string>;
  /** Whether instant ways are wanted: they cannot be taken back without losing what was written meanwhile. */
  readonly instantWanted: boolean;
}

/** Chooses how each operation of a change is made, and says why. */
export function planChange(id: string, change: SchemaChange, ddl: DdlWriter, facts: WayFacts): PlannedChange {
  return { ...change, id, operations: diff(change, ddl).map((operation) => planned(change, operation, facts)) };
}

function planned(change: SchemaChange, operation: Operation, { instant, instantWanted }: WayFacts): PlannedOperation {
  const by = (way: Way, because: string): PlannedOperation => ({ ...operation, way, because, shadow: null });
  if (operation.object !== 'table') return by(Way.immediate, `a ${operation.object} has no rows`);
  if (operation.kind === OperationKind.create)
    return by(Way.immediate, 'a new table is made aside and takes its name at the cut-over');
  if (operation.kind === OperationKind.drop)
    return by(Way.immediate, 'the table is put aside at the cut-over, so that a revert brings it back whole');
  if (instant.has(operation.name) && instantWanted)
    return by(Way.instant, 'the server changes only its catalog, and nobody asked for a revert');
  const [from, to] = [tableOf(change.from, operation.name)!, tableOf(change.to, operation.name)!];
  const key = sharedKey({ dialect: change.from.dialect, from, to, renames: change.renames });
  if ('missing' in key) return by(Way.shadow, key.missing);
  const because = instant.has(operation.name)
    ? 'the server could change only its catalog, but then a revert would lose what was written meanwhile'
    : 'the server would rewrite the table or keep writers out';
  return { ...by(Way.shadow, because), shadow: { from, to, renames: change.renames, key: key.columns } };
}
