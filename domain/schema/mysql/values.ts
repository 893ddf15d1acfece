import type { LintCode } from '../lint-codes';
import type { CharacterSet, Column, Table } from '../model';
import { literal, name } from './quote';
import { parseType, widens, type ParsedType } from './types';

/** A condition on rows that do not become what they were, and what that means. */
export interface Unfit {
  readonly code: Extract<LintCode, 'VALUES_DO_NOT_FIT' | 'VALUES_CHANGE'>;
  /** SQL over the old table by the name of `t`; null where no value is sure to stay what it is. */
  readonly condition: string | null;
}

/** Lowest and highest values of the integer types, without and with a sign. */
const ranges: Readonly<Record<string, readonly [signed: Range, unsigned: Range]>> = {
  tinyint: [
    { low: '-128', high: '127' },
    { low: '0', high: '255' },
  ],
  smallint: [
    { low: '-32768', high: '32767' },
    { low: '0', high: '65535' },
  ],
  mediumint: [
    { low: '-8388608', high: '8388607' },
    { low: '0', high: '16777215' },
  ],
  int: [
    { low: '-2147483648', high: '2147483647' },
    { low: '0', high: '4294967295' },
  ],
  bigint: [
    { low: '-9223372036854775808', high: '9223372036854775807' },
    { low: '0', high: '18446744073709551615' },
  ],
};

interface Range {
  readonly low: string;
  readonly high: string;
}

const characters = /^(char|varchar|tinytext|text|mediumtext|longtext)$/;
const binaries = /^(binary|varbinary|tinyblob|blob|mediumblob|longblob)$/;
const numbers = /^(tinyint|smallint|mediumint|int|bigint|decimal)$/;
const temporal = /^(date|time|datetime)$/;

/**
 * The rows of the old table whose values a changed column cannot hold, or would not give back as they were: a revert has
 * to bring them back to the byte.
 */
export function unfitValues(
  from: Column,
  to: Column,
  tables: { readonly from: Table; readonly to: Table },
): readonly Unfit[] {
  const old = `t.${name(from.name)}`;
  const [one, other] = [parseType(from.type), parseType(to.type)];
  const sets = unfitCharset(
    old,
    characterSetOf(from, tables.from).charset,
    characterSetOf(to, tables.to).charset,
    one,
    other,
  );
  if (from.type === to.type || widens(from.type, to.type)) return sets;
  return [...sets, ...unfitType(old, one, other, characterSetOf(to, tables.to))];
}

function unfitType(old: string, one: ParsedType, other: ParsedType, target: CharacterSet): Unfit[] {
  const number = unfitNumber(old, one, other);
  if (number) return number;
  if (characters.test(other.base) || binaries.test(other.base)) return unfitText(old, one, other);
  if (other.base === 'enum' && (one.base === 'enum' || characters.test(one.base))) {
    const listed = other.arguments.join(', ');
    // The server takes a member by the collation of the column, and keeps the member.
    const text = `CONVERT(${old} USING ${target.charset}) COLLATE ${target.collation}`;
    return [
      fits(`${text} NOT IN (${listed})`),
      changes(`${text} IN (${listed}) AND ${binary(old)} NOT IN (${listed})`),
    ];
  }
  if (other.base === 'set' && one.base === 'set') {
    const kept = one.arguments.filter((member) => other.arguments.includes(member));
    // What the server prints of a set, and compares, is in the order of its members.
    if (kept.some((member, i) => other.arguments.indexOf(member) < other.arguments.indexOf(kept[i - 1] ?? '')))
      return [changes(null)];
    const gone = one.arguments.filter((member) => !other.arguments.includes(member));
    return gone.length === 0 ? [] : [fits(gone.map((member) => `FIND_IN_SET(${member}, ${old}) > 0`).join(' OR '))];
  }
  if (temporal.test(other.base) && (one.base === other.base || (temporal.test(one.base) && dated(one, other)))) {
    const type = typeName(other);
    return [changes(`CAST(CAST(${old} AS ${type}) AS ${typeName(one)}) <> ${old}`)];
  }
  if (temporal.test(other.base) && characters.test(one.base)) {
    const value = `CAST(${old} AS ${typeName(other)})`;
    return [fits(`${old} IS NOT NULL AND ${value} IS NULL`), changes(`CAST(${value} AS CHAR) <> ${old}`)];
  }
  return [changes(null)];
}

/** What becomes of numbers, and of text that may be numbers; null where neither is at hand. */
function unfitNumber(old: string, one: ParsedType, other: ParsedType): Unfit[] | null {
  const range = ranges[other.base]?.[other.unsigned ? 1 : 0];
  const written = characters.test(one.base);
  if (!numbers.test(one.base) && !written && one.base !== 'year' && one.base !== 'bit') return null;
  const value = one.base === 'bit' ? `(${old} + 0)` : written ? `CAST(${old} AS DECIMAL(65, 30))` : old;
  const whole = written ? [fits(`${old} NOT REGEXP ${literal('^-?(0|[1-9][0-9]*)$')}`)] : [];
  const broken = one.base === 'decimal' ? [changes(`${old} <> TRUNCATE(${old}, 0)`)] : [];
  if (range) return [...whole, fits(`${value} NOT BETWEEN ${range.low} AND ${range.high}`), ...broken];
  if (other.base === 'decimal') {
    const [digits, scale] = [Number(other.arguments[0] ?? 10), Number(other.arguments[1] ?? 0)];
    const read = `CAST(${value} AS DECIMAL(${digits}, ${scale}))`;
    return [
      ...(written ? [fits(`${old} NOT REGEXP ${literal('^-?(0|[1-9][0-9]*)([.][0-9]+)?$')}`)] : []),
      fits(`ABS(${value}) >= 1e${digits - scale}${other.unsigned ? ` OR ${value} < 0` : ''}`),
      changes(written ? `CAST(${read} AS CHAR) <> ${old}` : `${value} <> TRUNCATE(${value}, ${scale})`),
    ];
  }
  if (other.base === 'bit' && !written)
    return [fits(`${value} < 0 OR ${value} >= POW(2, ${other.arguments[0] ?? 1})`), ...broken];
  if (other.base === 'year' && !written)
    return [fits(`${value} <> 0 AND ${value} NOT BETWEEN 1901 AND 2155`), ...broken];
  // Beyond these, whole numbers are not told from their neighbours.
  const exact = { float: '16777216', double: '9007199254740992' }[other.base];
  if (exact !== undefined && !written && one.base !== 'decimal') return [changes(`ABS(${value}) > ${exact}`)];
  return null;
}

function unfitText(old: string, one: ParsedType, other: ParsedType): Unfit[] {
  // What these look like depends on who looks, or is not all that they are.
  if (/^(timestamp|float|double|bit|geometry|point|linestring|polygon|multi\w+)$/.test(one.base))
    return [changes(null)];
  const longest = other.arguments[0] ?? largest[other.base]!;
  const shown = characters.test(one.base) || binaries.test(one.base) ? old : `CAST(${old} AS CHAR)`;
  const text = binaries.test(one.base) ? `CONVERT(${old} USING utf8mb4)` : shown;
  const length = /char$/.test(other.base) ? `CHAR_LENGTH(${text})` : `LENGTH(${shown})`;
  const undecoded = binaries.test(one.base) && !binaries.test(other.base);
  return [
    fits(`${length} > ${longest}`),
    ...(undecoded ? [fits(`CAST(${text} AS BINARY) <> ${old}`)] : []),
    // A fixed length loses trailing spaces, or pads.
    ...(other.base === 'char' && one.base !== 'char' ? [changes(`${shown} LIKE '% '`)] : []),
    ...(other.base === 'binary' ? [changes(`LENGTH(${shown}) <> ${longest}`)] : []),
  ];
}

const largest: Readonly<Record<string, string>> = {
  tinytext: '255',
  text: '65535',
  mediumtext: '16777215',
  longtext: '4294967295',
  tinyblob: '255',
  blob: '65535',
  mediumblob: '16777215',
  longblob: '4294967295',
  char: '1',
  binary: '1',
};

function unfitCharset(old: string, from: string, to: string, one: ParsedType, other: ParsedType): Unfit[] {
  const written = /^(enum|set)$/.test(one.base) ? one.base === other.base : characters.test(one.base);
  if (from === to || !written || !(characters.test(other.base) || one.base === other.base)) return [];
  // A character that the other set does not have comes back as another.
  return [fits(`${binary(`CONVERT(${old} USING ${to})`)} <> ${binary(old)}`)];
}

function binary(text: string): string {
  return `CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`;
}

/** A day without an hour is midnight; an hour without a day is none that anybody knows. */
function dated(one: ParsedType, other: ParsedType): boolean {
  return one.base !== 'time' && other.base !== 'time';
}

function typeName({ base, arguments: [precision] }: ParsedType): string {
  return precision === undefined ? base.toUpperCase() : `${base.toUpperCase()}(${precision})`;
}

function fits(condition: string): Unfit {
  return { code: 'VALUES_DO_NOT_FIT', condition };
}

function changes(condition: string | null): Unfit {
  return { code: 'VALUES_CHANGE', condition };
}

function characterSetOf({ charset, collation }: Column, { options }: Table): CharacterSet {
  return { charset: charset ?? options.CHARSET ?? 'utf8mb4', collation: collation ?? options.COLLATE ?? 'utf8mb4_bin' };
}
