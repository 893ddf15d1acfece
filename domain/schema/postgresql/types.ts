const integers = ['smallint', 'integer', 'bigint'];

/**
 * Whether every value of one type is the same value in another. Of what is not certain it says no: what depends on
 * settings (time zones), rounds, pads or changes kind.
 */
export function widens(from: string, to: string): boolean {
  const [one, other] = [parse(from), parse(to)];
  if (integers.includes(one.base) && integers.includes(other.base))
    return integers.indexOf(other.base) >= integers.indexOf(one.base);
  if (integers.includes(one.base) && other.base === 'numeric') return other.arguments.length === 0;
  if (one.base === 'real' && other.base === 'double precision') return true;
  if (one.base === 'numeric' && other.base === 'numeric') return widensNumeric(one.arguments, other.arguments);
  if (one.base === 'character varying') {
    if (other.base === 'text') return true;
    return other.base === one.base && (other.arguments[0] ?? Infinity) >= (one.arguments[0] ?? Infinity);
  }
  if (one.base === 'text') return other.base === 'character varying' && other.arguments.length === 0;
  if (/^(timestamp|time|interval)/.test(one.base) && one.base === other.base)
    return (other.arguments[0] ?? 6) >= (one.arguments[0] ?? 6);
  if (one.base === 'bit varying' && other.base === one.base)
    return (other.arguments[0] ?? Infinity) >= (one.arguments[0] ?? Infinity);
  if (one.base === 'cidr' && other.base === 'inet') return true;
  return from === to;
}

function widensNumeric(one: readonly number[], other: readonly number[]): boolean {
  if (other.length === 0) return true;
  // The same scale: 1.0 and 1.00 are equal but not the same.
  return one.length > 0 && other[1] === one[1] && other[0]! >= one[0]!;
}

function parse(type: string): { readonly base: string; readonly arguments: readonly number[] } {
  const found = /^([a-z ]+?)\s*\(([\d,]+)\)(.*)$/.exec(type);
  if (!found) return { base: type, arguments: [] };
  return { base: `${found[1]!}${found[3]!}`, arguments: found[2]!.split(',').map(Number) };
}

/** Types between which the server converts by itself. */
const families: readonly RegExp[] = [
  /^(smallint|integer|bigint|numeric|real|double precision)$/,
  /^(integer|boolean)$/,
  /^(date|timestamp)\b/,
  /^(json|jsonb)$/,
  /^(inet|cidr)$/,
  /^(bit|bit varying)$/,
];

/** An expression of one type as a value of another; by way of its text where the server knows no way of its own. */
export function cast(expression: string, from: string, to: string): string {
  if (from === to) return expression;
  const [one, other] = [parse(from).base, parse(to).base];
  const direct = one === other || families.some((family) => family.test(one) && family.test(other));
  return direct ? `${expression}::${to}` : `${expression}::text::${to}`;
}

/**
 * An expression of one type as a value that a column of another takes by assignment, which refuses what does not fit: an
 * explicit cast to the whole type would cut it in silence.
 */
export function assigned(expression: string, from: string, to: string): string {
  return from === to ? expression : cast(expression, from, withoutModifier(to));
}

/** The type of any length: a bare `character` or `bit` is of length one. */
function withoutModifier(type: string): string {
  if (type.includes('"')) return type;
  const base = type.replace(/\s*\(\d+(?:,-?\d+)?\)/, '');
  return base
    .replace(/^character(?=$|\[)/, 'bpchar')
    .replace(/^bit(?=$|\[)/, 'bit varying')
    .replace(/^interval .*?(?=$|\[)/, 'interval');
}
