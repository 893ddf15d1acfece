import { OperationKind, type Operation, type SchemaChange } from './change';
import type { DdlWriter } from './ddl';
import type { Statements } from './statements';
import { diff } from './diff';
import { sharedKey } from './key';
import { tableOf, type EnumType } from './model';
import { Way, type PlannedChange, type PlannedOperation } from './plan';
import { compareTables, same, type TableChange } from './table-change';

/** What is known beside the schemas when ways are chosen. */
export interface WayFacts {
  /** Tables whose change was tried on an empty copy, there and back, and only touched the catalog. */
  readonly instant: ReadonlySet<string>;
  /** Whether instant ways are wanted even where a revert would lose what was written meanwhile. */
  readonly instantWanted: boolean;
}

/** Chooses how each operation of a change is made, and says why. */
export function planChange(id: string, change: SchemaChange, ddl: DdlWriter, facts: WayFacts): PlannedChange {
  return { ...change, id, operations: diff(change, ddl).map((operation) => planned(change, operation, ddl, facts)) };
}

function planned(
  change: SchemaChange,
  operation: Operation,
  ddl: DdlWriter,
  { instant, instantWanted }: WayFacts,
): PlannedOperation {
  const by = (way: Way, because: string): PlannedOperation => ({ ...operation, way, because, shadow: null });
  const added = instantWanted ? addedValues(change, operation, ddl) : null;
  if (added !== null)
    return {
      ...by(Way.instant, 'the server only adds the values; a revert leaves them, because rows may have them by then'),
      reverse: added,
    };
  if (operation.object !== 'table') return by(Way.immediate, `a ${operation.object} has no rows`);
  if (operation.kind === OperationKind.create)
    return by(Way.immediate, 'a new table is made aside and takes its name at the cut-over');
  if (operation.kind === OperationKind.drop)
    return by(Way.immediate, 'the table is put aside at the cut-over, so that a revert brings it back whole');
  const [from, to] = [tableOf(change.from, operation.name)!, tableOf(change.to, operation.name)!];
  if (instant.has(operation.name) && keepsValues(compareTables(from, to, change.renames)!))
    return by(Way.instant, 'the server changes only its catalog, and a revert takes no value away');
  if (instant.has(operation.name) && instantWanted)
    return by(Way.instant, 'the server changes only its catalog, and nobody asked for a revert that keeps everything');
  const key = sharedKey({ dialect: change.from.dialect, from, to, renames: change.renames });
  if ('missing' in key) return by(Way.shadow, key.missing);
  const because = instant.has(operation.name)
    ? 'the server could change only its catalog, but then a revert would lose what was written meanwhile'
    : 'the server would rewrite the table or keep writers out';
  return { ...by(Way.shadow, because), shadow: { from, to, renames: change.renames, key: key.columns } };
}

/** What takes back that an enum has more values, but for the values; null for any other operation. */
function addedValues({ from, to }: SchemaChange, { object, kind, name }: Operation, ddl: DdlWriter): Statements | null {
  if (object !== 'enum' || kind !== OperationKind.alter) return null;
  const [old, fresh] = [from, to].map(({ enums }) => enums.find((type) => type.name === name)!) as [EnumType, EnumType];
  if (ddl.remakes({ from: old, to: fresh })) return null;
  return ddl.alterEnum({ from: fresh, to: { ...fresh, comment: old.comment } }, []);
}

/** Whether every value of one side has the same place on the other, so that nothing is lost whichever is live. */
function keepsValues({ columns }: TableChange): boolean {
  return (
    columns.dropped.length === 0 &&
    columns.added.length === 0 &&
    columns.changed.every(
      ({ from, to }) =>
        from.type === to.type &&
        from.collation === to.collation &&
        from.charset === to.charset &&
        same(from.generated, to.generated) &&
        same(from.identity, to.identity),
    )
  );
}
