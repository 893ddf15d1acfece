import type { Column, IndexPart, Table } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import type { Carried, Flow } from '../../../domain/schema/sides';

/** Whether values of a column are characters, which compare by a collation. */
export function isText({ type }: Column): boolean {
  return /^(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b/.test(type);
}

/** The bytes of a key's part, as both sides have them: text in one character set. */
export function bytes(expression: string, column: Column): string {
  return isText(column) ? `CAST(CONVERT(${expression} USING utf8mb4) AS BINARY)` : `CAST(${expression} AS BINARY)`;
}

/** `alias.column` */
export function of(alias: string, column: string): string {
  return `${name(alias)}.${name(column)}`;
}

/** The names that a key's parts have in helper tables: `k1`, `k2`, ... */
export function keyParts({ key }: Flow, letter: 'k' | 'o' = 'k'): string[] {
  return key.map((_, i) => `${letter}${i + 1}`);
}

/**
 * Joins a side of a flow with a helper table that holds keys of its source: by the index, and by bytes where a collation
 * takes different text for the same.
 */
export function onKey(
  flow: Flow,
  side: 'source' | 'target',
  alias: string,
  helper: string,
  letter: 'k' | 'o' = 'k',
): string {
  return flow.key
    .map((pair, i) => {
      const column = pair[side];
      const [own, held] = [of(alias, column.name), of(helper, `${letter}${i + 1}`)];
      if (!isText(column)) return `${own} = ${held}`;
      return `${own} = ${inCollation(held, column, flow[side])} AND ${bytes(own, column)} = ${bytes(held, column)}`;
    })
    .join(' AND ');
}

/** Joins the two sides of a flow with each other, in the same way. */
export function sameKey(flow: Flow, sourceAlias: string, targetAlias: string): string {
  return flow.key
    .map(({ source, target }) => {
      const [one, other] = [of(sourceAlias, source.name), of(targetAlias, target.name)];
      if (!isText(target)) return `${other} = ${one}`;
      return `${other} = ${inCollation(one, target, flow.target)} AND ${bytes(other, target)} = ${bytes(one, source)}`;
    })
    .join(' AND ');
}

/**
 * A hint, behind the name of a side, that its rows are found by the key's index. A table that was filled a moment ago counts
 * as empty until the server looks at it again, and would be read whole for every row that it is joined with.
 * @param inOrder whether the index has to have the key's own order; none is hinted at that has not.
 */
export function byKey(flow: Flow, side: 'source' | 'target', inOrder = false): string {
  const columns = flow.key.map((pair) => pair[side].name);
  const sorted = (names: readonly string[]): readonly string[] => (inOrder ? names : names.toSorted());
  const isKey = (parts: readonly IndexPart[]): boolean =>
    parts.length === columns.length &&
    parts.every(({ prefix }) => prefix === null) &&
    sorted(parts.map(({ column }) => column ?? '')).join('\0') === sorted(columns).join('\0');
  const { primaryKey, indexes } = flow[side];
  if (primaryKey && isKey(primaryKey.parts)) return ' FORCE INDEX (PRIMARY)';
  // One that is ignored cannot be hinted at.
  const index = indexes.find(({ unique, parts, options }) => unique && options.length === 0 && isKey(parts));
  return index ? ` FORCE INDEX (${name(index.name)})` : '';
}

/** Text as a column has it, so that two collations are not in each other's way and the column's index is used. */
export function inCollation(expression: string, column: Column, table: Table): string {
  const { charset, collation } = characterSet(column, table);
  return `CONVERT(${expression} USING ${charset}) COLLATE ${collation}`;
}

/** The character set of a text column: its own, or its table's. */
export function characterSet(
  { charset, collation }: Column,
  { options }: Table,
): { charset: string; collation: string } {
  return { charset: charset ?? options.CHARSET!, collation: collation ?? options.COLLATE! };
}

/**
 * A value as the target takes it. What is empty becomes the target's default where it must have a value: a plain ALTER
 * would refuse it, and the lint has told how many there are.
 * @param expression of the source's value.
 */
export function converted({ source, target }: Carried, expression: string): string {
  const fill = source.nullable && !target.nullable && target.default !== null;
  return fill ? `COALESCE(${expression}, ${target.default!})` : expression;
}

/** Stands for a key, whatever its parts: the same for the same bytes. */
export function handle(flow: Flow, side: 'source' | 'target', part: (i: number, column: Column) => string): string {
  const parts = flow.key.map((pair, i) => {
    const own = bytes(part(i, pair[side]), pair[side]);
    return `LENGTH(${own}), ':', ${own}`;
  });
  return `UNHEX(SHA2(CONCAT(${parts.join(', ')}), 256))`;
}

/** Columns of the target's own that must have a value and have no default, with what a plain ALTER would fill in. */
export function implicit({ own }: Flow): { readonly column: string; readonly value: string }[] {
  return own
    .filter(({ nullable, default: set, identity }) => !nullable && set === null && identity === null)
    .map(({ name: column, type }) => ({ column, value: implicitDefault(type) }));
}

function implicitDefault(type: string): string {
  if (/^(tinyint|smallint|mediumint|int|bigint|decimal|float|double|bit|year)\b/.test(type)) return '0';
  if (/^date\b/.test(type)) return "'0000-00-00'";
  if (/^(datetime|timestamp)\b/.test(type)) return "'0000-00-00 00:00:00'";
  if (/^time\b/.test(type)) return "'00:00:00'";
  return /^enum\b/.test(type) ? '1' : "''";
}
