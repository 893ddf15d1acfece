import type { LintCode } from '../lint-codes';
import type { Column, Table } from '../model';
import { literal, name } from './quote';
import { parseType, widens, type ParsedType } from './types';

/** A condition on rows that do not become what they were, and what that means. */
export interface Unfit {
  readonly code: Extract<LintCode, 'VALUES_DO_NOT_FIT' | 'VALUES_CHANGE'>;
  /** SQL over the old table; `TRUE` where no value is sure to stay what it is. */
  readonly condition: string;
}

/** Lowest and highest values of the integer types, without and with a sign. */
const ranges: Readonly<
  Record<string, readonly [signed: readonly [string, string], unsigned: readonly [string, string]]>
> = {
  tinyint: [
    ['-128', '127'],
    ['0', '255'],
  ],
  smallint: [
    ['-32768', '32767'],
    ['0', '65535'],
  ],
  mediumint: [
    ['-8388608', '8388607'],
    ['0', '16777215'],
  ],
  int: [
    ['-2147483648', '2147483647'],
    ['0', '4294967295'],
  ],
  bigint: [
    ['-9223372036854775808', '9223372036854775807'],
    ['0', '18446744073709551615'],
  ],
};

const characters = /^(char|varchar|tinytext|text|mediumtext|longtext)$/;

/** The rows of the old table whose values a changed column cannot hold, or would hold as another value. */
export function unfitValues(
  from: Column,
  to: Column,
  tables: { readonly from: Table; readonly to: Table },
): readonly Unfit[] {
  const old = name(from.name);
  const [one, other] = [parseType(from.type), parseType(to.type)];
  const sets = unfitCharset(old, characterSetOf(from, tables.from), characterSetOf(to, tables.to), one, other);
  if (from.type === to.type || widens(from.type, to.type)) return sets;
  return [...sets, ...unfitType(old, one, other)];
}

function unfitType(old: string, one: ParsedType, other: ParsedType): Unfit[] {
  const fits = (condition: string): Unfit => ({ code: 'VALUES_DO_NOT_FIT', condition });
  const changes = (condition: string): Unfit => ({ code: 'VALUES_CHANGE', condition });
  const range = ranges[other.base]?.[other.unsigned ? 1 : 0];
  if (range && (one.base in ranges || one.base === 'decimal'))
    return [
      fits(`${old} NOT BETWEEN ${range[0]} AND ${range[1]}`),
      ...(one.base === 'decimal' ? [changes(`${old} <> TRUNCATE(${old}, 0)`)] : []),
    ];
  if (other.base === 'decimal' && (one.base === 'decimal' || one.base in ranges)) {
    const [digits, scale] = [Number(other.arguments[0] ?? 10), Number(other.arguments[1] ?? 0)];
    return [
      fits(`ABS(${old}) >= 1e${digits - scale}${other.unsigned ? ` OR ${old} < 0` : ''}`),
      changes(`${old} <> TRUNCATE(${old}, ${scale})`),
    ];
  }
  if (characters.test(other.base) || /^(varbinary|binary|tinyblob|blob|mediumblob|longblob)$/.test(other.base)) {
    const bytes = !characters.test(other.base);
    const longest = other.arguments[0] ?? largest[other.base]!;
    const measured = bytes || !/char$/.test(other.base) ? 'LENGTH' : 'CHAR_LENGTH';
    // A fixed length loses trailing spaces, and pads.
    const padded = other.base === 'char' && one.base !== 'char' ? [changes(`${old} LIKE '% '`)] : [];
    return [fits(`${measured}(${old}) > ${longest}`), ...padded];
  }
  if (other.base === 'enum') return [fits(`CAST(${old} AS CHAR) NOT IN (${other.arguments.join(', ')})`)];
  if (range && characters.test(one.base)) return [fits(`${old} NOT REGEXP ${literal('^-?(0|[1-9][0-9]*)$')}`)];
  return [changes('TRUE')];
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
};

function unfitCharset(old: string, from: string, to: string, one: ParsedType, other: ParsedType): Unfit[] {
  if (from === to || !characters.test(one.base) || !characters.test(other.base)) return [];
  // A character that the other set does not have comes back as another.
  const back = `CONVERT(CONVERT(${old} USING ${to}) USING utf8mb4)`;
  return [
    {
      code: 'VALUES_DO_NOT_FIT',
      condition: `CAST(${back} AS BINARY) <> CAST(CONVERT(${old} USING utf8mb4) AS BINARY)`,
    },
  ];
}

function characterSetOf(column: Column, table: Table): string {
  return column.charset ?? table.options.CHARSET ?? 'utf8mb4';
}
