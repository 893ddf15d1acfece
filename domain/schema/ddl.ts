import type { Column, DomainType, EnumType, ForeignKey, Routine, Sequence, Table, View } from './model';
import type { Change, TableChange } from './table-change';
import type { Statements } from './statements';

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
