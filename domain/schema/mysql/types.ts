/** A type as the server prints it, taken apart. */
export interface ParsedType {
  readonly base: string;
  readonly arguments: readonly string[];
  readonly unsigned: boolean;
}

const integers = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'];
const texts: Readonly<Record<string, number>> = {
  tinytext: 255,
  text: 65_535,
  mediumtext: 16_777_215,
  longtext: 4_294_967_295,
};
const blobs: Readonly<Record<string, number>> = {
  tinyblob: 255,
  blob: 65_535,
  mediumblob: 16_777_215,
  longblob: 4_294_967_295,
};

/**
 * Whether every value of one type is the same value in another. Of what is not certain it says no: dates with another
 * precision, character types (whose trailing spaces count or do not), whatever changes kind.
 */
export function widens(from: string, to: string): boolean {
  const [one, other] = [parseType(from), parseType(to)];
  if (integers.includes(one.base) && integers.includes(other.base)) return widensInteger(one, other);
  if (one.base === 'decimal' && other.base === 'decimal') return widensDecimal(one, other);
  if (one.base === 'enum' && other.base === 'enum')
    return one.arguments.every((value, i) => other.arguments[i] === value);
  if (one.base === 'set' && other.base === 'set')
    return one.arguments.every((value, i) => other.arguments[i] === value);
  if (one.base === 'float' && other.base === 'double') return other.arguments.length === 0;
  if (['datetime', 'timestamp', 'time'].includes(one.base) && one.base === other.base)
    return Number(one.arguments[0] ?? 0) <= Number(other.arguments[0] ?? 0);
  return widensLength(one, other, 'varchar', texts) || widensLength(one, other, 'varbinary', blobs);
}

function widensInteger(one: ParsedType, other: ParsedType): boolean {
  const [size, otherSize] = [integers.indexOf(one.base), integers.indexOf(other.base)];
  if (one.unsigned === other.unsigned) return otherSize >= size;
  return one.unsigned && otherSize > size;
}

function widensDecimal(one: ParsedType, other: ParsedType): boolean {
  const [digits, scale, otherDigits, otherScale] = [...one.arguments, ...other.arguments].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return otherScale >= scale && otherDigits - otherScale >= digits - scale && (!other.unsigned || one.unsigned);
}

/** Lengths in characters of a variable type, and those of the large ones that it may become. */
function widensLength(
  one: ParsedType,
  other: ParsedType,
  variable: string,
  large: Readonly<Record<string, number>>,
): boolean {
  const length = (type: ParsedType): number | undefined =>
    type.base === variable ? Number(type.arguments[0]) : large[type.base];
  const [before, after] = [length(one), length(other)];
  if (before === undefined || after === undefined) return false;
  // A character of text takes up to four bytes, and the large types count bytes.
  const bytes = one.base === variable && other.base !== variable && variable === 'varchar' ? 4 : 1;
  return after >= before * bytes && !(one.base !== variable && other.base === variable);
}

export function parseType(type: string): ParsedType {
  const [, base, inside, rest] = /^(\w+)(?:\((.*?)\))?((?:\s.*)?)$/s.exec(type)!;
  const values = [...(inside ?? '').matchAll(/'((?:[^']|'')*)'|[^,\s]+/g)].map(([whole]) => whole);
  return { base: base!, arguments: integers.includes(base!) ? [] : values, unsigned: /\bunsigned\b/.test(rest ?? '') };
}
