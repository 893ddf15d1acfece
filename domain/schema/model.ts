/**
 * What a schema is, in one form for every server. The server is the parser: types, defaults and expressions are kept as
 * the server prints them, so that two schemas are equal exactly when their models are. Everything is plain JSON, and
 * whatever has no order of its own is sorted by name. Names are bare; they are quoted where SQL is written.
 */
export interface SchemaModel {
  readonly dialect: Dialect;
  /** What tables get that name none of their own; null on PostgreSQL, where that belongs to the database. */
  readonly defaults: CharacterSet | null;
  readonly tables: readonly Table[];
  readonly views: readonly View[];
  /** Functions and procedures, which triggers, checks and defaults may call. */
  readonly routines: readonly Routine[];
  /** Sequences that no identity column owns. */
  readonly sequences: readonly Sequence[];
  readonly enums: readonly EnumType[];
  readonly domains: readonly DomainType[];
  /** What is there beside, of kinds that no change makes or drops: `aggregate first(integer)`, `composite type point3d`. */
  readonly others: readonly string[];
}

/** The kind of server. MySQL and MariaDB share a driver and differ in what they print and can do. */
export const Dialect = { mariadb: 'mariadb', mysql: 'mysql', postgresql: 'postgresql' } as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

export interface CharacterSet {
  readonly charset: string;
  readonly collation: string;
}

export interface Table {
  readonly name: string;
  /** In their order, which `SELECT *` shows. */
  readonly columns: readonly Column[];
  readonly primaryKey: Constraint | null;
  /** Beside the primary key's; those of unique constraints are among {@link uniques} on PostgreSQL and here on others. */
  readonly indexes: readonly Index[];
  /** PostgreSQL: unique and exclusion constraints. */
  readonly uniques: readonly Constraint[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  readonly triggers: readonly Trigger[];
  readonly partitioning: Partitioning | null;
  readonly comment: string;
  /** What else the table is made with, by the word that SQL uses, as in `{ ENGINE: 'InnoDB', ROW_FORMAT: 'DYNAMIC' }`. */
  readonly options: Readonly<Record<string, string>>;
  /** PostgreSQL: what rows may be seen and written by whom. */
  readonly rowSecurity: RowSecurity | null;
}

export interface Column {
  readonly name: string;
  /** As the server prints it, with its length and sign: `int(11) unsigned`, `character varying(40)`. */
  readonly type: string;
  readonly nullable: boolean;
  /** An expression as the server prints it: `'x'`, `current_timestamp()`, `nextval('s'::regclass)`. */
  readonly default: string | null;
  readonly generated: { readonly expression: string; readonly stored: boolean } | null;
  /** Numbers the rows by itself: AUTO_INCREMENT, or an identity column with its sequence. */
  readonly identity: Identity | null;
  /** MySQL: the value on every update, as in `current_timestamp(3)`. */
  readonly onUpdate: string | null;
  /** Where it is not the table's (MySQL) or the type's (PostgreSQL, collation alone). */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly comment: string;
  /** What else the column is made with: `INVISIBLE`, `COMPRESSED`, `STORAGE external`, `STATISTICS 500`. */
  readonly options: readonly string[];
}

export type Identity =
  { readonly kind: 'auto_increment' } | { readonly kind: 'always' | 'by_default'; readonly sequence: SequenceOptions };

export interface SequenceOptions {
  readonly type: string;
  /** Decimal text: values reach beyond what a number holds. */
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly cycle: boolean;
}

/** A primary key, unique or exclusion constraint. */
export interface Constraint {
  readonly name: string;
  readonly kind: 'primary' | 'unique' | 'exclusion';
  readonly parts: readonly IndexPart[];
  /** PostgreSQL: as `pg_get_constraintdef` prints it, which tells what the parts do not. */
  readonly definition: string | null;
  readonly deferrable: boolean;
  readonly comment: string;
}

/** One part of a key, in order. */
export interface IndexPart {
  /** Null for an expression. */
  readonly column: string | null;
  readonly expression: string | null;
  /** MySQL: how many leading characters or bytes. */
  readonly prefix: number | null;
  readonly descending: boolean;
}

export interface Index {
  readonly name: string;
  readonly unique: boolean;
  /** `btree`, `hash`, `fulltext`, `spatial`, `gin`, ... */
  readonly method: string;
  readonly parts: readonly IndexPart[];
  /** PostgreSQL: the condition of a partial index. */
  readonly where: string | null;
  /** PostgreSQL: as `pg_get_indexdef` prints it, with the names of index and table left out. */
  readonly definition: string | null;
  readonly comment: string;
  /** What else it is made with: `IGNORED`, `INVISIBLE`, `fillfactor=70`. */
  readonly options: readonly string[];
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly references: { readonly schema: string | null; readonly table: string; readonly columns: readonly string[] };
  readonly onUpdate: ReferenceAction;
  readonly onDelete: ReferenceAction;
  /** PostgreSQL: as `pg_get_constraintdef` prints it, which tells MATCH, SET NULL columns and deferrability. */
  readonly definition: string | null;
}

export const ReferenceAction = {
  noAction: 'NO ACTION',
  restrict: 'RESTRICT',
  cascade: 'CASCADE',
  setNull: 'SET NULL',
  setDefault: 'SET DEFAULT',
} as const;
export type ReferenceAction = (typeof ReferenceAction)[keyof typeof ReferenceAction];

export interface Check {
  readonly name: string;
  readonly expression: string;
  /** MariaDB: written at a column, which is then where it has to be written again. */
  readonly column: string | null;
  /** Whether present rows are known to hold it; always on MySQL and MariaDB. */
  readonly validated: boolean;
  readonly comment: string;
}

export interface Trigger {
  readonly name: string;
  /** The whole statement that makes it, as the server prints it, without the definer. */
  readonly definition: string;
  readonly context: BodyContext | null;
  /** PostgreSQL: `O` origin, `A` always, `R` replica, `D` disabled. */
  readonly enabled: string;
  readonly comment: string;
}

/** MySQL: what the body of a trigger or routine was written under, which is part of what it does. */
export interface BodyContext {
  /** `name@host` */
  readonly definer: string;
  readonly sqlMode: string;
  readonly charset: string;
  readonly collation: string;
}

export interface Partitioning {
  /** As the server prints it, with the partitions on MySQL: `RANGE (year(d)) (PARTITION p0 ...)`; without on PostgreSQL. */
  readonly definition: string;
  readonly partitions: readonly Partition[];
}

export interface Partition {
  readonly name: string;
  /** PostgreSQL: `FOR VALUES ...` or `DEFAULT`; MySQL: `VALUES LESS THAN (2020)`. */
  readonly bound: string;
}

export interface RowSecurity {
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly policies: readonly Policy[];
}

export interface Policy {
  readonly name: string;
  readonly permissive: boolean;
  readonly command: 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

export interface View {
  readonly name: string;
  readonly materialized: boolean;
  /** The query, as the server prints it. */
  readonly query: string;
  readonly columns: readonly string[];
  /** What else it is made with: `SQL SECURITY INVOKER`, `WITH CASCADED CHECK OPTION`, `security_barrier=true`. */
  readonly options: readonly string[];
  /** The tables, views and, on PostgreSQL, routines that it reads, which have to be there before it. */
  readonly reads: readonly string[];
  readonly comment: string;
}

export interface Routine {
  /** With the types of its arguments on PostgreSQL, where several may share a name: `f(integer)`. */
  readonly name: string;
  readonly kind: 'function' | 'procedure';
  /**
   * PostgreSQL: the tables, views and routines that it is bound to, by the types of its arguments or by a body that the
   * server has read. They have to be there before it.
   */
  readonly reads: readonly string[];
  /** The whole statement that makes it, as the server prints it, without the definer. */
  readonly definition: string;
  readonly context: BodyContext | null;
  readonly comment: string;
}

export interface Sequence {
  readonly name: string;
  readonly options: SequenceOptions;
  /** PostgreSQL: the column that it ends with, as a serial's does. */
  readonly ownedBy: { readonly table: string; readonly column: string } | null;
  readonly comment: string;
}

export interface EnumType {
  readonly name: string;
  /** In their order. */
  readonly values: readonly string[];
  readonly comment: string;
}

export interface DomainType {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly default: string | null;
  readonly collation: string | null;
  readonly checks: readonly Check[];
  readonly comment: string;
}

/** The table of a name, or null. */
export function tableOf({ tables }: SchemaModel, name: string): Table | null {
  return tables.find((table) => table.name === name) ?? null;
}

/** The column of a name, or null. */
export function columnOf({ columns }: Table, name: string): Column | null {
  return columns.find((column) => column.name === name) ?? null;
}
