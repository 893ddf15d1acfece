import { z } from 'zod';
import { ipv4 } from '../address';
import { Failure } from '../failures';
import { hostname, printable } from '../hostname';
import { isUuid } from '../organization';
import { isSafePattern, matches } from './pattern';

/** Names of values; what stands between `{{` and `}}`. */
export const valueName = z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/, 'must be letters and digits');

/**
 * What a text of a profile's values is made of at most, whatever its own pattern says: nothing of it has a meaning in
 * JSON, YAML, a shell, a systemd unit or a configuration file of nginx.
 */
const SAFE = /^[A-Za-z0-9._:/@+=,-]{0,1024}$/;

const text = { description: z.string().max(200).optional() };
const spec = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    /** A regular expression for the whole value, without groups and alternatives. */
    pattern: z.string().max(200).refine(isSafePattern, 'must be a plain pattern without groups'),
    default: z.string().optional(),
    ...text,
  }),
  z.strictObject({ type: z.literal('ip'), default: z.string().optional(), ...text }),
  z.strictObject({ type: z.literal('port'), default: z.number().optional(), ...text }),
  z.strictObject({ type: z.literal('hostname'), default: z.string().optional(), ...text }),
  z.strictObject({ type: z.literal('uuid'), default: z.string().optional(), ...text }),
  z.strictObject({
    type: z.literal('int'),
    min: z.number().int(),
    max: z.number().int(),
    default: z.number().optional(),
    ...text,
  }),
  /** The value is the name of a secret; what stands in files is the secret, read at the last moment. */
  z.strictObject({ type: z.literal('secretRef'), ...text }),
]);

/** What one value of a profile has to be. */
export type ValueSpec = z.infer<typeof spec>;

/** Values by name. Secrets are among them as references, so that these may travel anywhere. */
export type ProfileValues = Readonly<Record<string, string | number>>;

export const valueSpecs = z
  .record(valueName, spec)
  .refine((specs) => Object.keys(specs).length <= 64, 'must be at most 64')
  .superRefine((specs, context) => {
    for (const [name, one] of Object.entries(specs))
      if ('default' in one && one.default !== undefined && problemOf(one, one.default))
        context.addIssue({ code: 'custom', path: [name, 'default'], message: problemOf(one, one.default)! });
  });

/**
 * Reads the values given for a profile and puts in the defaults of those that are not.
 * @throws Failure PROFILE_INVALID naming the value.
 */
export function profileValues(
  specs: Readonly<Record<string, ValueSpec>>,
  given: Readonly<Record<string, unknown>>,
): ProfileValues {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name)) throw refuse(name, 'is not a value of this profile');
  return Object.fromEntries(
    Object.entries(specs).map(([name, one]) => {
      const value = Object.hasOwn(given, name) ? given[name] : 'default' in one ? one.default : undefined;
      if (value === undefined) throw refuse(name, 'is missing');
      const problem = problemOf(one, value);
      if (problem) throw refuse(name, problem);
      return [name, value as string | number];
    }),
  );
}

/** Whether a text can stand in any file without meaning anything there. */
export function isSafeText(value: string): boolean {
  return SAFE.test(value) && !value.includes('\n');
}

/** What is wrong with a value; undefined when nothing is. */
function problemOf(one: ValueSpec, value: unknown): string | undefined {
  const must = (right: boolean, what: string): string | undefined =>
    right ? undefined : `must be ${what}, not ${one.type === 'secretRef' ? 'what it is' : printable(value)}`;
  switch (one.type) {
    case 'string':
      return (
        must(typeof value === 'string' && isSafeText(value), 'a text of letters, digits and ._:/@+=,-') ??
        must(matches(one.pattern, value as string), 'as its pattern says')
      );
    case 'ip':
      return must(
        passes(() => ipv4(value)),
        'a literal IPv4 address',
      );
    case 'port':
      return must(isInt(value, 1, 65535), 'a port');
    case 'hostname':
      return must(
        passes(() => hostname(value)),
        'a host name',
      );
    case 'uuid':
      return must(isUuid(value), 'a lower-case UUID');
    case 'int':
      return must(isInt(value, one.min, one.max), `a whole number from ${one.min} to ${one.max}`);
    case 'secretRef':
      return must(
        typeof value === 'string' && /^[a-z0-9][a-z0-9._-]{0,127}$/.test(value) && value.length <= 128,
        'the name of a secret',
      );
  }
}

function isInt(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function refuse(name: string, problem: string): Failure {
  return new Failure('PROFILE_INVALID', `values.${printable(name).slice(1, -1)} ${problem}`);
}
