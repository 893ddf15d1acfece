import type { Statements } from './statements';
import type { SchemaModel } from './model';

/** A column that keeps its values under another name. Never guessed: somebody said so. */
export interface Rename {
  readonly table: string;
  readonly from: string;
  readonly to: string;
}

/** A wanted difference between two schemas of one dialect. */
export interface SchemaChange {
  readonly from: SchemaModel;
  readonly to: SchemaModel;
  readonly renames: readonly Rename[];
}

/** What becomes of one table (or view, type, routine, sequence) in a change; PlanetScale's words. */
export const OperationKind = { create: 'CREATE', alter: 'ALTER', drop: 'DROP' } as const;
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind];

export type ObjectKind = 'table' | 'view' | 'routine' | 'sequence' | 'enum' | 'domain';

/** One object's share of a change. `inOrder` (statements.ts) tells how the statements of several follow each other. */
export interface Operation {
  readonly kind: OperationKind;
  readonly object: ObjectKind;
  readonly name: string;
  /** What makes it; statements without closing semicolons. */
  readonly ddl: Statements;
  /** What makes the schema what it was; what values that loses is in {@link flags}. */
  readonly reverse: Statements;
  readonly flags: readonly Flag[];
}

/** Something about an operation that somebody should know before it is made. */
export interface Flag {
  readonly kind: FlagKind;
  /** The column, index or constraint that it is about; null for the whole object. */
  readonly subject: string | null;
  /** For people, a sentence. */
  readonly message: string;
}

export const FlagKind = {
  /** Values are gone once the change is complete. */
  dropsData: 'drops_data',
  /** Values that a column holds may not fit its new type. */
  narrows: 'narrows',
  /** Rows that are equal in a new unique key would be refused. */
  newUnique: 'new_unique',
  /** Rows without a value would be refused. */
  newNotNull: 'new_not_null',
  /** A dropped and an added column of one type: values are lost unless the rename is declared. */
  maybeRename: 'maybe_rename',
  /** Present rows may break a new rule: a check or a foreign key. */
  newRule: 'new_rule',
} as const;
export type FlagKind = (typeof FlagKind)[keyof typeof FlagKind];
