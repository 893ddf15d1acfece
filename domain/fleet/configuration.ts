import { Failure } from '../failures';
import { hostname, printable } from '../hostname';
import type { Certificate, GatewayConfiguration } from './gateway';
import { refusal } from './messages';
import type { FleetPolicy } from './policy';

/** What is wrong with one member, as API problems list it. */
interface Fault {
  readonly detail: string;
  /** JSON pointer. */
  readonly pointer: string;
}

/** Reads a member's value. @throws Failure INVALID_INPUT with what it has to be. */
type Reader<T> = (value: unknown) => T;

type Readers = { readonly [K in keyof GatewayConfiguration]: Reader<GatewayConfiguration[K]> };

/** How `type: gateway` files and dstack's API spell the members, where they do otherwise. */
const spelling: Readonly<Record<string, keyof GatewayConfiguration>> = {
  instance_type: 'instanceType',
  public_ip: 'publicIp',
};

const GATEWAY_NAME = /^[a-z][a-z0-9-]{1,40}$/;
/** What a domain may hold in place of the organization's name. */
const PROJECT = /\$\{\{ ?run\.project_name ?\}\}/g;
// The strictest of the backends' rules, EC2's; `gatewright` and `aws:` are not the team's to use.
const TAG_KEY = /^(?!gatewright|aws:)[a-z0-9 _.:/=+@-]{1,127}$/i;
const TAG_VALUE = /^[a-z0-9 _.:/=+@-]{0,255}$/i;
/** Tags that a gateway may have: EC2 takes 50, and some are ours. */
const MAX_TAGS = 40;

const readers: Readers = {
  type: (value) => (value === 'gateway' ? value : wrong('must be gateway', value)),
  name: matching(GATEWAY_NAME, 'must be 2 to 41 lower-case letters, digits and hyphens, beginning with a letter'),
  default: orNull(boolean),
  backend: matching(/^[a-z][a-z0-9-]{0,31}$/, 'must be the name of a backend'),
  region: matching(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'must be letters, digits, dots, hyphens and underscores'),
  instanceType: orNull(matching(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'must be the backend’s name of a size')),
  domain: orNull(domain),
  publicIp: boolean,
  certificate: orNull(certificate),
  replicas: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
      ? value
      : wrong('must be a whole number from 1', value),
  tags: orNull(tags),
  profile: orNull(matching(GATEWAY_NAME, 'must be the name of a profile')),
};

const defaults = {
  type: 'gateway',
  default: null,
  instanceType: null,
  domain: null,
  publicIp: true,
  certificate: { type: 'lets-encrypt' },
  replicas: 1,
  tags: null,
  profile: null,
} as const satisfies Partial<GatewayConfiguration>;

/** Members for which `null` means the same as their absence. */
const nullIsDefault: readonly string[] = ['publicIp', 'replicas'];

/**
 * Reads a gateway's configuration, in our spelling or in that of `type: gateway` files; what is absent gets its default.
 * @throws Failure INVALID_INPUT (data: errors) naming every member that is wrong. Nothing of a value that passes can
 * mean anything in a shell, a path, a tag or a configuration file.
 */
export function gatewayConfiguration(
  value: unknown,
  policy: Pick<FleetPolicy, 'maxReplicas'>,
  pointer = '',
): GatewayConfiguration {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refused([{ detail: 'The configuration must be an object.', pointer }]);
  const faults: Fault[] = [];
  const given = new Map<string, unknown>();
  /** How what is given spells its members. */
  const spelled: Record<string, string> = {};
  for (const [key, member] of Object.entries(value)) {
    const name = Object.hasOwn(spelling, key) ? spelling[key]! : key;
    if (!Object.hasOwn(readers, name) || given.has(name))
      faults.push({ detail: `There is no member ${printable(key)}.`, pointer: `${pointer}/${escaped(key)}` });
    else if (member !== undefined && !(member === null && nullIsDefault.includes(name))) {
      given.set(name, member);
      spelled[name] = key;
    }
  }
  const read = Object.fromEntries(
    Object.entries(readers).map(([name, reader]) => {
      if (!given.has(name) && Object.hasOwn(defaults, name)) return [name, defaults[name as keyof typeof defaults]];
      try {
        return [name, (reader as Reader<unknown>)(given.get(name))];
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const told = spelled[name] ?? name;
        faults.push({ detail: `${told} ${error.message}.`, pointer: `${pointer}/${told}` });
        return [name, undefined];
      }
    }),
  ) as unknown as GatewayConfiguration;
  if (faults.length > 0) throw refused(faults);
  const contradiction = contradictionIn(read, policy);
  if (contradiction) throw refused([{ ...contradiction, pointer: pointer + contradiction.pointer }]);
  return read;
}

/**
 * What the members do not allow together, or the policy does not. A lets-encrypt certificate is no reason to refuse
 * several replicas, as it is for dstack, whose clients send it by default: here it is the edge that ends TLS.
 */
function contradictionIn(
  { backend, certificate, replicas }: GatewayConfiguration,
  { maxReplicas }: Pick<FleetPolicy, 'maxReplicas'>,
): Fault | null {
  if (replicas > maxReplicas) return { detail: refusal.tooManyReplicas(replicas, maxReplicas), pointer: '/replicas' };
  if (certificate?.type === 'acm' && backend !== 'aws') return { detail: refusal.acmBackend, pointer: '/certificate' };
  return null;
}

function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value) => (value === null ? null : reader(value));
}

function matching(pattern: RegExp, must: string): Reader<string> {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : wrong(must, value));
}

function boolean(value: unknown): boolean {
  return typeof value === 'boolean' ? value : wrong('must be true or false', value);
}

function domain(value: unknown): string {
  if (typeof value !== 'string') return wrong('must be a domain', value);
  try {
    hostname(value.replace(PROJECT, 'project'));
  } catch {
    return wrong('must be a domain of lower-case letters, digits, hyphens and dots', value);
  }
  return value;
}

function certificate(value: unknown): Certificate {
  const { type, arn, ...more } = (value ?? {}) as Record<string, unknown>;
  const known = type === 'lets-encrypt' || type === 'acm' || type === 'gcp-cm';
  if (!known || Object.keys(more).length > 0) return wrong('must have a type of lets-encrypt, acm or gcp-cm', value);
  if (type !== 'acm') return arn === undefined ? { type } : wrong('has an arn only with type acm', value);
  if (typeof arn !== 'string' || !/^arn:[a-z0-9:/_-]{1,200}$/i.test(arn)) return wrong('must have an arn', arn);
  return { type, arn };
}

function tags(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('must be a map', value);
  const entries = Object.entries(value);
  if (entries.length > MAX_TAGS) return wrong(`must be at most ${MAX_TAGS}`, entries.length);
  for (const [key, text] of entries) {
    if (!TAG_KEY.test(key)) return wrong('have keys of letters, digits and _.:/=+@- that are not ours or AWS’s', key);
    if (typeof text !== 'string' || !TAG_VALUE.test(text))
      return wrong('have values of at most 255 letters, digits and _.:/=+@-', text);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function wrong(must: string, value: unknown): never {
  throw new Failure('INVALID_INPUT', value === undefined ? must : `${must}, not ${printable(value)}`);
}

function refused(faults: readonly Fault[]): Failure {
  return new Failure('INVALID_INPUT', faults.map(({ detail }) => detail).join(' '), { data: { errors: faults } });
}

function escaped(key: string): string {
  return printable(key).slice(1, -1).replaceAll('~', '~0').replaceAll('/', '~1');
}
