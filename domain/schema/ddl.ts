import type { Column, DomainType, EnumType, ForeignKey, Routine, Sequence, Table, View } from './model';
import type { Change, TableChange } from './table-change';

/**
 * Statements in three turns, so that nothing is referred to while it is not there: what refers to others goes first, all
 * the way back from the last operation; then every object itself is made, in order; then what refers to others comes.
 */
export interface Statements {
  readonly first: readonly string[];
  readonly main: readonly string[];
  readonly last: readonly string[];
}

export const noStatements: Statements = { first: [], main: [], last: [] };

/** Writes the statements of one kind of server, for a session that is in the schema. */
export interface DdlWriter {
  createTable(table: Table): Statements;
  dropTable(table: Table): Statements;
  alterTable(change: TableChange): Statements;
  addForeignKeys(table: string, keys: readonly ForeignKey[]): readonly string[];
  dropForeignKeys(table: string, keys: readonly ForeignKey[]): readonly string[];
  createView(view: View): Statements;
  dropView(view: View): Statements;
  createRoutine(routine: Routine): Statements;
  dropRoutine(routine: Routine): Statements;
  createSequence(sequence: Sequence): Statements;
  dropSequence(sequence: Sequence): Statements;
  createEnum(type: EnumType): Statements;
  dropEnum(type: EnumType): Statements;
  createDomain(type: DomainType): Statements;
  dropDomain(type: DomainType): Statements;
  /** @param tables as they are while the type is altered; they may use it. */
  alterEnum(change: Change<EnumType>, tables: readonly Table[]): Statements;
  alterDomain(change: Change<DomainType>, tables: readonly Table[]): Statements;
  /** Whether the columns of that type have to be altered with it. */
  remakes(change: Change<EnumType> | Change<DomainType>): boolean;
  /** Whether a column is of that type. */
  isOfType(column: Column, type: EnumType | DomainType): boolean;
  /** Alters what can be altered in place; null for what has to be dropped and made again. */
  alterRoutine(change: Change<Routine>): Statements | null;
  alterSequence(change: Change<Sequence>): Statements | null;
  /** Whether every value of the one type is the same value in the other. */
  widens(from: string, to: string): boolean;
  /** Whether a view holds what it reads, so that it has to go while that changes. */
  readonly viewsBind: boolean;
  /** What else has to go while a table is altered, and comes back. */
  inTheWay(change: TableChange): { readonly views: boolean; readonly foreignKeys: boolean };
}

/** What makes operations, in the order in which a server takes it. */
export function inOrder(operations: readonly { readonly ddl: Statements }[]): string[] {
  const ddl = operations.map((operation) => operation.ddl);
  return [
    ...ddl.toReversed().flatMap(({ first }) => first),
    ...ddl.flatMap(({ main }) => main),
    ...ddl.flatMap(({ last }) => last),
  ];
}

/** What takes operations back, in the order in which a server takes it. */
export function inReverse(operations: readonly { readonly reverse: Statements }[]): string[] {
  const reverse = operations.map((operation) => operation.reverse);
  return [
    ...reverse.toReversed().flatMap(({ first }) => first),
    ...reverse.toReversed().flatMap(({ main }) => main),
    ...reverse.flatMap(({ last }) => last),
  ];
}
