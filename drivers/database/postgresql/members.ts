import { inOrder, inReverse, type Statements } from '../../../domain/schema/statements';
import { tableOf, type SchemaModel, type Table } from '../../../domain/schema/model';
import type { PlannedChange, PlannedOperation } from '../../../domain/schema/plan';
import type { Direction } from '../../../domain/schema/sides';
import { asideName, type Side } from './names';
import type { ShadowTables } from './shadows';

/** A table that a swap brings in or puts aside. */
export interface Member {
  readonly table: Table;
  readonly side: Side;
  /** Its name while it is not live. */
  readonly aside: string;
  /** The shadow that it is a side of; null for a table that is made or dropped as a whole. */
  readonly shadow: ShadowTables | null;
}

/** What a swap in one direction does. */
export interface Exchange {
  readonly direction: Direction;
  /** The schemas before and after it. */
  readonly from: SchemaModel;
  readonly to: SchemaModel;
  readonly leaving: readonly Member[];
  readonly coming: readonly Member[];
  /** Statements of everything that is no table of ours, in the three turns of {@link Statements}. */
  readonly statements: Statements;
  /** Tables that such statements alter in place. */
  readonly altered: readonly string[];
}

/** Puts a swap together. */
export function exchangeOf(change: PlannedChange, shadows: readonly ShadowTables[], direction: Direction): Exchange {
  const [from, to] = direction === 'forward' ? [change.from, change.to] : [change.to, change.from];
  const member = (table: Table, side: Side, shadow: ShadowTables | null): Member => ({
    ...{ table, side, shadow },
    aside: asideName(table.name, side),
  });
  const whole = (kind: 'CREATE' | 'DROP', model: SchemaModel, side: Side): Member[] =>
    change.operations
      .filter((operation) => operation.object === 'table' && operation.kind === kind)
      .flatMap(({ name }) => member(tableOf(model, name)!, side, null));
  const old = [...shadows.map((each) => member(each.shadow.from, 'old', each)), ...whole('DROP', change.from, 'old')];
  const fresh = [...shadows.map((each) => member(each.shadow.to, 'new', each)), ...whole('CREATE', change.to, 'new')];
  const inPlace = change.operations.filter(isInPlace);
  return {
    ...{ direction, from, to },
    ...(direction === 'forward' ? { leaving: old, coming: fresh } : { leaving: fresh, coming: old }),
    statements: turns(inPlace, direction),
    altered: inPlace.filter(({ object }) => object === 'table').map(({ name }) => name),
  };
}

/** What is made by statements in the swap itself: no shadow, and no whole table. */
function isInPlace({ way, object, kind }: PlannedOperation): boolean {
  return way !== 'shadow' && !(object === 'table' && kind !== 'ALTER');
}

/**
 * Types, sequences and routines: what tables may need before they are live, and for as long as they may be again. Not so
 * what itself reads tables, whose statements come in the last turn.
 */
export function isNeededByTables({ object, kind, ddl, reverse }: PlannedOperation): boolean {
  if (object === 'table' || object === 'view') return false;
  return object !== 'routine' || kind === 'ALTER' || (kind === 'CREATE' ? ddl : reverse).main.length > 0;
}

/** What is needed is made while the change is prepared, and what is not needed any more goes when it is finished. */
function turns(operations: readonly PlannedOperation[], direction: Direction): Statements {
  const statements = operations.map((operation) => {
    const each = direction === 'forward' ? operation.ddl : operation.reverse;
    const apart = isNeededByTables(operation) && operation.kind !== 'ALTER';
    if (!apart) return each;
    const made = operation.kind === 'CREATE' && direction === 'forward';
    return { first: [], main: [], last: made ? each.last : [] };
  });
  const only = (part: 'first' | 'main' | 'last'): string[] => {
    const parts = statements.map((each) => ({ first: [], main: [], last: [], [part]: each[part] }));
    return direction === 'forward'
      ? inOrder(parts.map((ddl) => ({ ddl })))
      : inReverse(parts.map((reverse) => ({ reverse })));
  };
  return { first: only('first'), main: only('main'), last: only('last') };
}
