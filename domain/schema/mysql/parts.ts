import type { Check, Column, Constraint, ForeignKey, Index, IndexPart, Table } from '../model';
import { literal, name, names } from './quote';

/** A column as CREATE TABLE and ALTER TABLE have it. @param checks of the table, for those written at the column. */
export function columnDefinition(column: Column, checks: readonly Check[]): string {
  const check = checks.find((each) => each.column === column.name);
  const words = [
    name(column.name),
    typeOf(column),
    column.generated && `GENERATED ALWAYS AS (${column.generated.expression})`,
    column.generated && (column.generated.stored ? 'STORED' : 'VIRTUAL'),
    // Said for generated columns only where it is not the default: MariaDB does not take NULL there.
    column.generated ? null : column.nullable ? 'NULL' : 'NOT NULL',
    column.options.includes('INVISIBLE') && 'INVISIBLE',
    column.default !== null && `DEFAULT ${column.default}`,
    column.onUpdate !== null && `ON UPDATE ${column.onUpdate}`,
    column.identity?.kind === 'auto_increment' && 'AUTO_INCREMENT',
    column.options.includes('WITHOUT SYSTEM VERSIONING') && 'WITHOUT SYSTEM VERSIONING',
    column.comment !== '' && `COMMENT ${literal(column.comment)}`,
    check && `CHECK (${check.expression})`,
  ];
  return words.filter(Boolean).join(' ');
}

/** `varchar(10) COMPRESSED`: what the server prints after the type stands after the collation in SQL. */
function typeOf({ type, charset, collation }: Column): string {
  const [bare, ...rest] = type.split(/(?= \/\*)/);
  const set = charset === null ? '' : ` CHARACTER SET ${charset}`;
  return [`${bare}${set}${collation === null ? '' : ` COLLATE ${collation}`}`, ...rest.map((each) => each.trim())].join(
    ' ',
  );
}

/** A primary key or an index. */
export function keyDefinition(key: Constraint | Index): string {
  const parts = `(${key.parts.map(keyPart).join(', ')})`;
  const comment = key.comment === '' ? '' : ` COMMENT ${literal(key.comment)}`;
  if ('kind' in key) return `PRIMARY KEY ${parts}${comment}`;
  const kind = { fulltext: 'FULLTEXT KEY', spatial: 'SPATIAL KEY' }[key.method] ?? (key.unique ? 'UNIQUE KEY' : 'KEY');
  // A unique index of a whole BLOB shows as HASH, which cannot be asked for.
  const method = key.method === 'btree' && kind.endsWith('KEY') && !/FULL|SPAT/.test(kind) ? ' USING BTREE' : '';
  const options = key.options.map((option) => ` ${option}`).join('');
  return `${kind} ${name(key.name)} ${parts}${method}${comment}${options}`;
}

function keyPart({ column, expression, prefix, descending }: IndexPart): string {
  const what = column === null ? `(${expression})` : name(column);
  return `${what}${prefix === null ? '' : `(${prefix})`}${descending ? ' DESC' : ''}`;
}

export function foreignKeyDefinition({ name: own, columns, references, onUpdate, onDelete }: ForeignKey): string {
  const table =
    references.schema === null ? name(references.table) : `${name(references.schema)}.${name(references.table)}`;
  return (
    `CONSTRAINT ${name(own)} FOREIGN KEY (${names(columns)}) REFERENCES ${table} (${names(references.columns)})` +
    // Said of what is usual, the server writes another word for it when it adds the key in place.
    (onDelete === 'RESTRICT' ? '' : ` ON DELETE ${onDelete}`) +
    (onUpdate === 'RESTRICT' ? '' : ` ON UPDATE ${onUpdate}`)
  );
}

export function checkDefinition({ name: own, expression }: Check): string {
  return `CONSTRAINT ${name(own)} CHECK (${expression})`;
}

/** `ENGINE=InnoDB CHARSET=utf8mb4 ... COMMENT='...'` */
export function tableOptions({ options, comment }: Pick<Table, 'options' | 'comment'>): string {
  const words = Object.entries(options).map(([key, value]) => `${key}${key === 'WITH' ? ' ' : '='}${value}`);
  return [...words, `COMMENT=${literal(comment)}`].join(' ');
}
