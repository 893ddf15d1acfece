import type { Check, Column, Constraint, Identity, Policy, SequenceOptions, Table } from '../model';
import { literal, name } from './quote';

/** A column as CREATE TABLE and ADD COLUMN have it. */
export function columnDefinition(column: Column): string {
  const words = [
    name(column.name),
    column.type,
    compressionOf(column) && `COMPRESSION ${compressionOf(column)!}`,
    column.collation !== null && `COLLATE ${column.collation}`,
    column.generated && `GENERATED ALWAYS AS (${column.generated.expression}) STORED`,
    column.identity && identityDefinition(column.identity),
    column.default !== null && `DEFAULT ${column.default}`,
    !column.nullable && 'NOT NULL',
  ];
  return words.filter(Boolean).join(' ');
}

export function identityDefinition(identity: Identity): string {
  if (identity.kind === 'auto_increment') throw new Error('PostgreSQL has no AUTO_INCREMENT');
  const kind = identity.kind === 'always' ? 'ALWAYS' : 'BY DEFAULT';
  return `GENERATED ${kind} AS IDENTITY (${sequenceOptions(identity.sequence)})`;
}

/** Without the type, which stands elsewhere. */
export function sequenceOptions({ start, increment, min, max, cache, cycle }: SequenceOptions): string {
  return (
    `START WITH ${start} INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max} CACHE ${cache} ` +
    (cycle ? 'CYCLE' : 'NO CYCLE')
  );
}

export function constraintDefinition({ name: own, definition }: Constraint): string {
  return `CONSTRAINT ${name(own)} ${definition!}`;
}

export function checkDefinition({ name: own, expression, validated }: Check): string {
  return `CONSTRAINT ${name(own)} ${expression}${validated ? '' : ' NOT VALID'}`;
}

/** What is said of a column after it was made: storage, statistics, options. @param action before each, as ALTER TABLE. */
export function columnSettings(table: string, column: Column): string[] {
  return column.options
    .filter((option) => !option.startsWith('COMPRESSION '))
    .map((option) => {
      const of = `ALTER TABLE ${name(table)} ALTER COLUMN ${name(column.name)}`;
      return option.startsWith('(') ? `${of} SET ${option}` : `${of} SET ${option}`;
    });
}

export function compressionOf({ options }: Column): string | undefined {
  return options.find((option) => option.startsWith('COMPRESSION '))?.slice('COMPRESSION '.length);
}

/** `fillfactor = 70, autovacuum_enabled = false`; empty for none. */
export function storageOptions({ options }: Table): string {
  return Object.entries(options)
    .filter(([key]) => key === key.toLowerCase())
    .map(([key, value]) => `${key} = ${literal(value)}`)
    .join(', ');
}

export function policyDefinition(table: string, policy: Policy): string {
  const roles = policy.roles.map((role) => (role === 'public' ? 'PUBLIC' : name(role))).join(', ');
  return [
    `CREATE POLICY ${name(policy.name)} ON ${name(table)} AS ${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'}`,
    `FOR ${policy.command} TO ${roles}`,
    policy.using !== null && `USING (${policy.using})`,
    policy.check !== null && `WITH CHECK (${policy.check})`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** `COMMENT ON what IS ...`; nothing for none. */
export function commentOn(what: string, comment: string): string[] {
  return comment === '' ? [] : [`COMMENT ON ${what} IS ${literal(comment)}`];
}

/** `COMMENT ON what IS ...` where it is another than before. */
export function changedComment(what: string, from: string, to: string): string[] {
  return from === to ? [] : [`COMMENT ON ${what} IS ${to === '' ? 'NULL' : literal(to)}`];
}
