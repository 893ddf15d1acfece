import fc from 'fast-check';
import { address, contains, formatAddress, ipv4, network } from '../../domain/address';

const refused = expect.objectContaining({ code: 'ADDRESS_REFUSED' });
const everywhere = [network('0.0.0.0/0')];
const octet = fc.integer({ min: 0, max: 255 });

describe('ipv4', () => {
  test('reads every dotted quad as the number it is', () => {
    fc.assert(
      fc.property(octet, octet, octet, octet, (a, b, c, d) => {
        expect(ipv4([a, b, c, d].join('.'))).toBe(((a * 256 + b) * 256 + c) * 256 + d);
      }),
    );
  });

  test.each([
    '127.1',
    '127.0.1',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '127.0.0.01',
    '00.0.0.0',
    '256.0.0.1',
    '127.0.0.1.',
    '.127.0.0.1',
    '127..0.1',
    '127.0.0.1\n',
    '\n127.0.0.1',
    ' 127.0.0.1',
    '127.0.0.1 ',
    '127.0.0.1\0',
    '127。0。0。1',
    '١٢٧.0.0.1',
    '+127.0.0.1',
    '-1.0.0.1',
    '1e2.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '[::ffff:127.0.0.1]',
    'localhost',
    '*',
    '',
    127,
    null,
    undefined,
    ['127.0.0.1'],
    { toString: () => '127.0.0.1' },
  ])('refuses %j', (value) => expect(() => ipv4(value)).toThrow(refused));
});

describe('address', () => {
  test('keeps what it reads, in its one canonical text', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(octet, octet, octet, octet, port, (a, b, c, d, number) => {
        const text = `${a}.${b}.${c}.${d}:${number}`;
        expect(formatAddress(address(text, everywhere))).toBe(text);
      }),
    );
  });

  test('whatever it reads of any text is that text again, and nothing that a configuration could take for more', () => {
    const hostile = fc.stringMatching(/^[0-9.:;{}$#\n\r "'\\/@a-f[\]-]{0,24}$/);
    fc.assert(
      fc.property(hostile, (text) => {
        try {
          expect(formatAddress(address(text, everywhere))).toBe(text);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:00080',
    '127.0.0.1:080',
    '127.0.0.1:65536',
    '127.0.0.1:99999',
    '127.0.0.1:655350',
    '127.0.0.1:-80',
    '127.0.0.1:+80',
    '127.0.0.1:8e1',
    '127.0.0.1:80\n',
    '127.0.0.1:80\r\nHost: evil',
    '127.0.0.1:80; } upstream evil {',
    '127.0.0.1:80/path',
    '127.0.0.1:80#',
    '127.0.0.1:80:80',
    'http://127.0.0.1:80',
    'user@127.0.0.1:80',
    'unix:/var/run/docker.sock',
    '[::1]:80',
    '[::ffff:127.0.0.1]:80',
    'localhost:80',
    '127.1:80',
    '2130706433:80',
    '$host:80',
    ':80',
    '',
    null,
    80,
  ])('refuses %j', (value) => expect(() => address(value, everywhere)).toThrow(refused));

  test('refuses what is outside the allowed networks', () => {
    const allowed = [network('127.0.2.0/24'), network('10.1.0.0/16')];
    expect(address('127.0.2.7:80', allowed)).toEqual({ ip: '127.0.2.7', port: 80 });
    expect(address('10.1.255.255:80', allowed)).toEqual({ ip: '10.1.255.255', port: 80 });
    for (const outside of [
      '127.0.1.255:80',
      '127.0.3.0:80',
      '10.0.255.255:80',
      '10.2.0.0:80',
      '169.254.169.254:80',
      '0.0.0.0:80',
    ])
      expect(() => address(outside, allowed)).toThrow(refused);
    expect(() => address('127.0.2.7:80', [])).toThrow(refused);
  });
});

describe('network', () => {
  test.each([
    ['0.0.0.0/0', '255.255.255.255', true],
    ['255.255.255.255/32', '255.255.255.255', true],
    ['255.255.255.255/32', '255.255.255.254', false],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['128.0.0.0/1', '128.0.0.0', true],
    ['10.0.0.5/30', '10.0.0.4', true],
    ['10.0.0.5/30', '10.0.0.8', false],
    ['169.254.0.0/16', '169.254.169.254', true],
  ])('%s holds %s: %s', (cidr, ip, held) => expect(contains(network(cidr), ipv4(ip))).toBe(held));

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8\n',
    '10.0.0/8',
    '::/0',
    '',
    null,
    8,
  ])('refuses %j', (value) => expect(() => network(value)).toThrow(expect.objectContaining({ name: 'Failure' })));
});
