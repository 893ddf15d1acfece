import fc from 'fast-check';
import { gatewayHostname, hostname, printable } from '../../domain/hostname';
import { isUuid, organizationId } from '../../domain/organization';

const invalid = expect.objectContaining({ code: 'INVALID_INPUT' });
const uuid = '0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d';

/** What would mean something in a configuration, a zone, a shell or a URL, or looks like something that it is not. */
const hostile = [
  'x.test; return 200 pwned',
  'x.test;',
  'x.test {',
  'x.test}',
  'x.test\n',
  '\nx.test',
  'x.test\r',
  'x.test\0',
  'x\n.test',
  'x.test #',
  'x .test',
  '"x.test"',
  "'x'.test",
  '$host.test',
  '${x}.test',
  '*.test',
  '.test',
  'x.test.',
  'x..test',
  '~^(.*)$',
  '_acme-challenge.test',
  'x_y.test',
  '@.test',
  '-x.test',
  'x-.test',
  'X.test',
  'x.tesT',
  'K.test', // the Kelvin sign, which lower-cases to k
  'xn.tést',
  'а.test', // Cyrillic
  'x。test',
  'x.test/../y',
  'x%2etest',
  'x.test:80',
  'localhost',
  '',
  `${'a'.repeat(64)}.test`,
  `${'a.'.repeat(127)}ab`,
  null,
  undefined,
  7,
  ['x.test'],
  {},
];

describe('hostname', () => {
  test.each(hostile)('refuses %j', (value) => expect(() => hostname(value)).toThrow(invalid));

  test.each(['x.test', 'a-b.c-d.e', '1.2', 'xn--bcher-kva.test', `${'a'.repeat(63)}.test`, `${'a.'.repeat(126)}a`])(
    'reads %j',
    (value) => expect(hostname(value)).toBe(value),
  );

  test('whatever it reads consists of lower-case letters, digits, hyphens and dots', () => {
    const near = fc.string({ unit: fc.constantFrom(...'aZ0-._*;{}$ \n"\u212a'), maxLength: 12 });
    fc.assert(
      fc.property(near, (text) => {
        try {
          expect(hostname(text)).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('gatewayHostname', () => {
  test('is the organization’s own label in the zone', () =>
    expect(gatewayHostname(uuid, 'example.test')).toBe(`org-${uuid}.example.test`));

  test.each(hostile)('refuses the zone %j', (zone) =>
    expect(() => gatewayHostname(uuid, zone as string)).toThrow(invalid),
  );

  test('refuses a name that would become too long', () => {
    const zone = `${'a.'.repeat(110)}test`;
    expect(hostname(zone)).toBe(zone);
    expect(() => gatewayHostname(uuid, zone)).toThrow(invalid);
  });
});

describe('organizationId', () => {
  test('reads a lower-case UUID', () => expect(organizationId(uuid)).toBe(uuid));

  test.each([
    uuid.toUpperCase(),
    uuid.replaceAll('-', ''),
    `{${uuid}}`,
    `urn:uuid:${uuid}`,
    `${uuid}\n`,
    ` ${uuid}`,
    `${uuid}0`,
    uuid.slice(1),
    uuid.replace('0b', 'g0'),
    uuid.replace('-', '\u2010'),
    `${uuid}\n${uuid}`,
    '../../etc/passwd',
    '*',
    'ns1',
    ...hostile,
    [uuid],
    { $ne: '' },
    true,
  ])('refuses %j', (value) => {
    expect(isUuid(value)).toBe(false);
    expect(() => organizationId(value)).toThrow(invalid);
    expect(() => gatewayHostname(value as string, 'example.test')).toThrow(invalid);
  });

  test('does not repeat what it was given', () => {
    expect(() => organizationId('canary')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    );
  });
});

describe('printable', () => {
  test('is one short line of printable ASCII, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(printable(value)).toMatch(/^[\x20-\x7e]{0,80}$/);
      }),
      { numRuns: 5_000 },
    );
  });
});
