import { gatewayConfiguration } from '../../domain/fleet/configuration';
import type { Failure } from '../../domain/failures';

const least = { name: 'edge', backend: 'docker', region: 'local' };
const read = (members: object = {}) => gatewayConfiguration({ ...least, ...members }, { maxReplicas: 9 });

function refusalOf(value: unknown): { message: string; errors: { detail: string; pointer: string }[] } {
  try {
    gatewayConfiguration(value, { maxReplicas: 9 });
  } catch (error) {
    const { code, message, data } = error as Failure;
    expect(code).toBe('INVALID_INPUT');
    return { message, errors: data['errors'] as { detail: string; pointer: string }[] };
  }
  throw new Error(`it should have been refused: ${JSON.stringify(value)}`);
}

test('what is absent gets its default', () => {
  expect(read()).toEqual({
    type: 'gateway',
    name: 'edge',
    default: null,
    backend: 'docker',
    region: 'local',
    instanceType: null,
    domain: null,
    publicIp: true,
    certificate: { type: 'lets-encrypt' },
    replicas: 1,
    tags: null,
    profile: null,
  });
});

test('a file as dstack’s client sends it is read, its spelling and its nulls included', () => {
  const sent = {
    type: 'gateway',
    name: 'edge',
    backend: 'aws',
    region: 'eu-west-1',
    instance_type: 't3.micro',
    domain: '${{ run.project_name }}.example.com',
    public_ip: null,
    certificate: null,
    replicas: 2,
    tags: { team: 'a b', 'cost-centre': '4711' },
  };
  const { instance_type: instanceType, public_ip: _, ...same } = sent;
  expect(gatewayConfiguration(sent, { maxReplicas: 9 })).toEqual({
    ...same,
    instanceType,
    publicIp: true,
    default: null,
    profile: null,
  });
});

test('every fault is named with its place, not the first alone', () => {
  const { message, errors } = refusalOf({ name: 'Edge', backend: 'docker', replicas: 0, color: 'blue' });
  expect(errors.map(({ pointer }) => pointer)).toEqual(['/color', '/name', '/region', '/replicas']);
  expect(message).toContain('There is no member "color".');
  expect(message).toContain('name must be 2 to 41 lower-case letters, digits and hyphens');
});

test('more replicas than the policy allows are refused in dstack’s words', () => {
  const refused = () => gatewayConfiguration({ ...least, certificate: null, replicas: 4 }, { maxReplicas: 3 });
  expect(refused).toThrow('Cannot provision 4 gateway replicas. This server allows at most 3');
  expect(read({ replicas: 9 }).replicas).toBe(9);
});

test('an acm certificate is for aws alone', () => {
  const certificate = { type: 'acm', arn: 'arn:aws:acm:eu-west-1:123456789012:certificate/0b2c' };
  expect(read({ backend: 'aws', certificate }).certificate).toEqual(certificate);
  expect(refusalOf({ ...least, certificate }).message).toBe('acm certificates can only be used with the aws backend');
});

const hostile = [
  '',
  ' ',
  '-x',
  '--help',
  '../../etc/passwd',
  'a/b',
  'a b; rm -rf /',
  '$(id)',
  '`id`',
  '${HOME}',
  'a\nb',
  'a\u0000b',
  'ä',
  "x'; DROP TABLE gateway; --",
  '{{ name }}',
  'a'.repeat(300),
  '\u202egateway',
  {},
  [],
  1,
  true,
];

test.each(['name', 'backend', 'region', 'instanceType', 'domain', 'profile'])(
  'what means something elsewhere is refused as %s',
  (member) => {
    for (const value of hostile) {
      const { errors } = refusalOf({ ...least, [member]: value });
      expect([value, errors.map(({ pointer }) => pointer)]).toEqual([value, [`/${member}`]]);
      // A message quotes it fit for a terminal and a log.
      expect(errors[0]!.detail).toMatch(/^[\x20-\x7e’]{1,220}$/);
    }
  },
);

test.each([
  ['not a map', 'x'],
  ['a list', ['a']],
  ['our own name', { 'gatewright-owner': 'me' }],
  ['our own name, shouted', { GATEWRIGHT: 'me' }],
  ['AWS’s own', { 'aws:name': 'x' }],
  ['an empty key', { '': 'x' }],
  ['a line break', { a: 'x\ny' }],
  ['a shell’s words', { a: '$(id)' }],
  ['quotes', { a: '"' }],
  ['a value that is no text', { a: 1 }],
  ['a long key', { ['k'.repeat(128)]: 'x' }],
  ['a long value', { k: 'v'.repeat(256) }],
  ['too many', Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`k${n}`, 'v']))],
])('tags are refused for %s', (_, tags) => {
  expect(refusalOf({ ...least, tags }).errors.map(({ pointer }) => pointer)).toEqual(['/tags']);
});

test.each([
  ['__proto__', '{"__proto__": {"name": "x"}}'],
  ['constructor', '{"constructor": "x"}'],
  ['toString', '{"toString": "x"}'],
])('a member called %s is none', (name, text) => {
  const value = { ...least };
  Object.defineProperty(value, name, { value: JSON.parse(text), enumerable: true });
  expect(refusalOf(value).errors).toHaveLength(1);
});

test.each([[null], [undefined], ['gateway'], [[least]], [7]])('%p is no configuration', (value) => {
  expect(refusalOf(value).message).toBe('The configuration must be an object.');
});

test.each([['0'], [1.5], [Number.NaN], [Infinity], [-1], [0], ['2'], [true]])(
  '%p is no number of replicas',
  (replicas) => {
    expect(refusalOf({ ...least, replicas }).errors.map(({ pointer }) => pointer)).toEqual(['/replicas']);
  },
);

test.each([
  [{}],
  [{ type: 'none' }],
  [{ type: 'lets-encrypt', arn: 'arn:x' }],
  [{ type: 'acm' }],
  ['lets-encrypt'],
  [{ type: 'acm', arn: 'x y' }],
])('%p is no certificate', (certificate) => {
  expect(refusalOf({ ...least, backend: 'aws', certificate }).errors.map(({ pointer }) => pointer)).toEqual([
    '/certificate',
  ]);
});
