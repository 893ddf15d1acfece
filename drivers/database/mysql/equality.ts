import type { Column } from '../../../domain/schema/model';
import type { Carried, Flow } from '../../../domain/schema/sides';
import type { ExactCollations } from './exact-collations';
import { bytes, characterSet, converted, isText, of } from './sql';

/** A flow as seen from its other end, for a walk along that. */
export function turned(flow: Flow): Flow {
  const turn = (pair: Carried): Carried => ({ ...pair, source: pair.target, target: pair.source });
  return {
    ...flow,
    source: flow.target,
    target: flow.source,
    carried: flow.carried.map(turn),
    key: flow.key.map(turn),
  };
}

/**
 * Whether a row of the target holds, byte for byte, what the values of the source's became; null is equal to null. The key
 * is not among them: by that the two were found.
 */
export function sameValues(flow: Flow, source: string, target: string, exact: ExactCollations): string {
  const equalities = flow.carried
    .filter(({ key }) => !key)
    .map((pair) => equal(flow, pair, of(source, pair.source.name), of(target, pair.target.name), exact));
  return equalities.length > 0 ? equalities.join(' AND ') : 'TRUE';
}

/** Whether both sides have the rows in the same order, so that as many rows between two keys are the same rows. */
export function sameOrder(flow: Flow): boolean {
  return flow.key.every(({ source, target }) => {
    if (!isText(source) && !isText(target)) return true;
    return isText(source) && isText(target) && sameCollation(flow, { source, target });
  });
}

function sameCollation(flow: Flow, { source, target }: Pick<Carried, 'source' | 'target'>): boolean {
  // These are ordered by the places of their values.
  if (source.type !== target.type && (isListed(source) || isListed(target))) return false;
  return characterSet(source, flow.source).collation === characterSet(target, flow.target).collation;
}

function isListed({ type }: Column): boolean {
  return /^(enum|set)\b/.test(type);
}

/** What was filled in because there was nothing is still nothing on the old side, unless the row was written to since. */
function equal(flow: Flow, pair: Carried, source: string, target: string, exact: ExactCollations): string {
  const { source: filled, target: empty } = pair;
  const same = became(flow, pair, source, target, exact);
  return flow.direction === 'back' && empty.nullable && !filled.nullable && filled.default !== null
    ? `(${same} OR (${target} IS NULL AND ${source} <=> ${filled.default}))`
    : same;
}

function became(flow: Flow, pair: Carried, source: string, target: string, exact: ExactCollations): string {
  const expected = converted(pair, source);
  const retyped = pair.source.type !== pair.target.type;
  const plain = isText(pair.source) && isText(pair.target) && expected === source;
  const { charset } = characterSet(pair.target, flow.target);
  if (plain && characterSet(pair.source, flow.source).charset === charset)
    return exact.has(charset) && !isListed(pair.source) && !isListed(pair.target)
      ? `${target} COLLATE ${exact.get(charset)!} <=> ${expected}`
      : `CAST(${target} AS BINARY) <=> CAST(${expected} AS BINARY)`;
  if (isText(pair.target)) return `${bytes(target, pair.target)} <=> ${bytes(asTarget(pair, expected), pair.target)}`;
  if (/^(float|double)\b/.test(pair.target.type) && !retyped)
    return `CAST(CAST(${target} AS DOUBLE) AS BINARY) <=> CAST(CAST(${expected} AS DOUBLE) AS BINARY)`;
  return `${target} <=> ${retyped ? asTarget(pair, expected) : expected}`;
}

/** The value that storing in the target's type makes of a source's. */
function asTarget({ source, target }: Carried, expression: string): string {
  if (source.type === target.type) return expression;
  const { type } = target;
  if (/^(tinyint|smallint|mediumint|int|bigint)\b/.test(type))
    return `CAST(${expression} AS ${type.includes('unsigned') ? 'UNSIGNED' : 'SIGNED'})`;
  const decimal = /^decimal(\(\d+,\d+\))/.exec(type)?.[1];
  if (decimal !== undefined) return `CAST(${expression} AS DECIMAL${decimal})`;
  const time = /^(date|datetime|time)\b(\(\d\))?/.exec(type);
  if (time) return `CAST(${expression} AS ${time[1]!.toUpperCase()}${time[2] ?? ''})`;
  return isText(target) && !isText(source) ? `CAST(${expression} AS CHAR)` : expression;
}
