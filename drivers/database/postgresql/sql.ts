import type { Column } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/postgresql/quote';
import { assigned } from '../../../domain/schema/postgresql/types';
import type { Carried, Flow } from '../../../domain/schema/sides';

/** `alias.column` */
export function of(alias: string, column: string): string {
  return `${alias}.${name(column)}`;
}

/** The names that a key's parts have in helper tables: `k1`, `k2`, ...; `o1`, ... of the key that a row had before. */
export function keyParts({ key }: Flow, letter: 'k' | 'o' = 'k'): string[] {
  return key.map((_, i) => `${letter}${i + 1}`);
}

/** The names that the target's own columns have in helper tables. */
export function ownParts({ own }: Flow): string[] {
  return own.map((_, i) => `x${i + 1}`);
}

/** The columns of a key, as a side has them. */
export function keyColumns({ key }: Flow, side: 'source' | 'target', alias: string): string[] {
  return key.map((pair) => of(alias, pair[side].name));
}

/** Joins a row of the source with a helper table that holds keys of the source. */
export function onSourceKey(flow: Flow, source: string, helper: string, letter: 'k' | 'o' = 'k'): string {
  return equal(
    keyColumns(flow, 'source', source),
    keyParts(flow, letter).map((part) => `${helper}.${part}`),
  );
}

/** Joins a row of the target with a helper table that holds keys of the source. */
export function onTargetKey(flow: Flow, target: string, helper: string, letter: 'k' | 'o' = 'k'): string {
  const parts = keyParts(flow, letter);
  return equal(
    keyColumns(flow, 'target', target),
    flow.key.map((pair, i) => keyAsTarget(pair, `${helper}.${parts[i]!}`)),
  );
}

/** Joins the two sides with each other. */
export function onBothKeys(flow: Flow, source: string, target: string): string {
  return equal(
    keyColumns(flow, 'target', target),
    flow.key.map((pair) => keyAsTarget(pair, of(source, pair.source.name))),
  );
}

/** A part of a key as the target compares it: by its index, whatever collation the source has. */
export function keyAsTarget({ source, target }: Carried, expression: string): string {
  // Integers are compared as they are: what is too large for the target is nobody's key there, and no error.
  if (areIntegers(source, target)) return expression;
  const value = assigned(expression, source.type, target.type);
  return source.collation === target.collation ? value : `(${value}) COLLATE ${target.collation ?? '"default"'}`;
}

/** Whether the server compares two columns with each other, and by the index of either, without any conversion. */
export function areIntegers(...columns: readonly Pick<Column, 'type'>[]): boolean {
  return columns.every(({ type }) => /^(?:smallint|integer|bigint)$/.test(type));
}

function equal(left: readonly string[], right: readonly string[]): string {
  return left.map((part, i) => `${part} = ${right[i]!}`).join(' AND ');
}

/** The target's names of the carried columns. */
export function carriedNames({ carried }: Flow): string[] {
  return carried.map(({ target }) => name(target.name));
}

/** The values of the carried columns, as an assignment to the target takes them. */
export function carriedValues({ carried }: Flow, alias: string): string[] {
  return carried.map((pair) => {
    const { source, target } = pair;
    return filled(uncut(assigned(of(alias, source.name), source.type, target.type), pair), source, target);
  });
}

/** Blanks that are too many are cut in silence: of a key they make another one, so that it has to be refused instead. */
function uncut(value: string, { source, target, key }: Carried): string {
  const length = /^character varying\((\d+)\)$/.exec(target.type)?.[1];
  if (!key || length === undefined || source.type === target.type) return value;
  return `CASE WHEN char_length(${value}) > ${length} THEN ${value} || '.' ELSE ${value} END`;
}

/** The values of the carried columns, as the target holds them once they were assigned. */
export function heldValues({ carried }: Flow, alias: string): string[] {
  return carried.map((pair) => heldValue(pair, of(alias, pair.source.name)));
}

/** An expression of the source's column as the target holds it once it was assigned. */
export function heldValue({ source, target }: Carried, expression: string): string {
  const value = filled(assigned(expression, source.type, target.type), source, target);
  return source.type === target.type ? value : `(${value})::${target.type}`;
}

function filled(value: string, source: Column, target: Column): string {
  return fills(source, target) ? `coalesce(${value}, ${target.default!})` : value;
}

/** Whether what is empty becomes the default of a column that must have a value: as long as that is one and the same. */
export function fills(source: Column, target: Column): boolean {
  return source.nullable && !target.nullable && target.default !== null && !target.default.includes('(');
}

/**
 * Columns of the old side's own that must have a value and have no default, with the value that rows get there that were
 * made without them. What the new side must have a value for, a plain ALTER would refuse.
 */
export function implied({ own, direction }: Flow): { readonly column: string; readonly value: string }[] {
  if (direction === 'forward') return [];
  return own
    .filter(({ nullable, default: set, identity }) => !nullable && set === null && identity === null)
    .flatMap(({ name: column, type }) => {
      const value = impliedValue(type);
      return value === null ? [] : [{ column, value: `${value}::${type}` }];
    });
}

/** The plainest value of a type, as SQL; null for types of which nothing is plain. */
function impliedValue(type: string): string | null {
  if (type.endsWith('[]')) return "'{}'";
  if (/^(smallint|integer|bigint|numeric|real|double precision|money|interval|oid)\b/.test(type)) return "'0'";
  if (/^(character|text|bytea|name|character varying)\b/.test(type)) return "''";
  if (/^(date|timestamp|timestamp with)/.test(type)) return "'1970-01-01'";
  if (/^(jsonb?)\b/.test(type)) return "'null'";
  if (/^time\b/.test(type)) return "'00:00'";
  if (type === 'uuid') return "'00000000-0000-0000-0000-000000000000'";
  return type === 'boolean' ? "'false'" : null;
}
