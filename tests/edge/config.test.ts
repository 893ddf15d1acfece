import fc from 'fast-check';
import { network } from '../../domain/address';
import { generationNumber, renderGeneration, renderMain, routeLine } from '../../drivers/nginx/config';
import { networks } from './support';

const good = { hostname: 'org-1.example.test', address: '127.0.0.1:18101' };

/** Values that nginx takes as something else than a name, or that pass for one; most were seen to pass `nginx -t`. */
const hostileHosts: readonly unknown[] = [
  'x.test; return 200 pwned',
  '*.test',
  '.test',
  '$host',
  '~^(.*)$',
  '\\default.test',
  'default',
  'hostnames',
  'volatile',
  'include /etc/passwd',
  'a.test 127.0.0.1:1',
  'a.test\n',
  '\na.test',
  'a.test\nb.test 127.0.0.1:1;',
  'a.test\r',
  'a.test\0',
  'a.test\u2028',
  'a.test#',
  '"a.test"',
  "'a.test'",
  'a{b}.test',
  'a.test}',
  'a.test;',
  'a.test.',
  'a..test',
  '-a.test',
  'a-.test',
  'A.test',
  '\u212Aelvin.test',
  'а.test',
  'bücher.test',
  'a_b.test',
  `${'a'.repeat(64)}.test`,
  `${'a.'.repeat(126)}test`,
  '',
  'localhost',
  'ssl_engine /tmp/evil.so',
  null,
  undefined,
  42,
  ['a.test'],
  { toString: () => 'a.test' },
];

const hostileAddresses: readonly unknown[] = [
  'unix:/var/run/docker.sock',
  '169.254.169.254:80',
  '127.0.0.1:80; } upstream evil {',
  '127.0.0.1:80;',
  '127.0.0.1:80\n',
  '127.0.0.1:80\0',
  '127.0.0.1:080',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '127.0.0.1',
  '127.0.0.1:',
  '127.1:80',
  '0177.0.0.1:80',
  '2130706433:80',
  '0x7f.0.0.1:80',
  '[::ffff:127.0.0.1]:80',
  '[::1]:80',
  'localhost:80',
  '$host:80',
  '127.0.0.1:80/path',
  '127.0.0.1:80 backup',
  'http://127.0.0.1:80',
  ' 127.0.0.1:80',
  '10.0.0.1:80',
  '',
  null,
  8080,
  { ip: '127.0.0.1', port: 80 },
];

test.each(hostileHosts.map((value) => [JSON.stringify(value) ?? String(value), value]))(
  'the host name %s is refused before anything is rendered',
  (_, hostname) => {
    expect(() => routeLine({ ...good, hostname }, networks)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }) as Error,
    );
  },
);

test.each(hostileAddresses.map((value) => [JSON.stringify(value), value]))(
  'the address %s is refused before anything is rendered',
  (_, address) => {
    expect(() => routeLine({ ...good, address }, networks)).toThrow(
      expect.objectContaining({ code: 'ADDRESS_REFUSED' }) as Error,
    );
  },
);

test('an address outside the allowed networks is refused, one inside is not', () => {
  const inside = [network('10.1.2.0/24')];
  expect(routeLine({ ...good, address: '10.1.2.255:80' }, inside)).toBe('  org-1.example.test 10.1.2.255:80;\n');
  expect(() => routeLine({ ...good, address: '10.1.3.0:80' }, inside)).toThrow('outside the networks');
});

test.each([-1, -0, 1.5, NaN, Infinity, 2 ** 53, '1', '../1', null, undefined, {}])(
  'the generation number %p is refused',
  (value) => {
    expect(() => generationNumber(value)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }) as Error);
    expect(() => renderGeneration(value as number, [])).toThrow();
  },
);

test.each(['127.0.0.1', '127.0.0.1:80; evil on', '*:80', 'unix:/x', '0.0.0.0:99999', '127.0.0.1:80 ssl'])(
  'the listening address %p is refused',
  (value) =>
    expect(() => renderMain(value, 'live')).toThrow(expect.objectContaining({ code: 'ADDRESS_REFUSED' }) as Error),
);

test('a rendered generation is exactly this', () => {
  const one = routeLine(good, networks);
  expect(renderGeneration(42, [one])).toBe(
    'map "" $generation {\n  default 42;\n}\n' +
      'map $host $gateway {\n  default "";\n  org-1.example.test 127.0.0.1:18101;\n}\n',
  );
});

/** Reads configuration text as nginx does: words and quoted strings, ended by `;` or opening a block. */
function parse(text: string): string[][] {
  const directives: string[][] = [];
  let words: string[] = [];
  for (const [, quoted, token] of text.matchAll(/"((?:[^"\\]|\\.)*)"|([;{}]|[^\s;{}"#]+)|#.*/g)) {
    if (token === undefined && quoted === undefined) continue;
    if (token === ';' || token === '{' || token === '}') {
      directives.push(token === ';' ? words : [...words, token]);
      words = [];
    } else {
      words.push(token ?? quoted!);
    }
  }
  return words.length > 0 ? [...directives, words] : directives;
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const route = fc.record({
  hostname: fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.')),
  address: fc
    .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 1, max: 65535 }))
    .map(([b, c, d, port]) => `127.${b}.${c}.${d}:${port}`),
});
/** Real routes, torn: a stray character anywhere, or anything at all. */
const torn = fc.oneof(
  fc
    .tuple(route, fc.nat(60), fc.constantFrom(...';{}"\'\\$#~* \n\r\t\0\u00e9\u212a'))
    .map(([{ hostname, address }, at, stray]) => ({
      hostname: hostname.slice(0, at) + stray + hostname.slice(at),
      address,
    })),
  fc.record({ hostname: fc.string({ unit: 'binary' }), address: fc.string({ unit: 'binary' }) }),
  fc.record({ hostname: fc.anything(), address: fc.anything() }),
);

test('whatever routes come, the rendered file has exactly the directives of the good ones', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.oneof(route, torn), { maxLength: 30 }), (generation, routes) => {
      const accepted: { hostname: unknown; address: unknown }[] = [];
      const lines = routes.flatMap((candidate) => {
        try {
          const line = routeLine(candidate, networks);
          accepted.push(candidate);
          return [line];
        } catch {
          return [];
        }
      });
      expect(parse(renderGeneration(generation, lines))).toEqual([
        ['map', '', '$generation', '{'],
        ['default', String(generation)],
        ['}'],
        ['map', '$host', '$gateway', '{'],
        ['default', ''],
        ...accepted.map(({ hostname, address }) => [hostname, address]),
        ['}'],
      ]);
    }),
    { numRuns: 500 },
  );
});

test('every torn name is refused, every real one accepted', () => {
  fc.assert(
    fc.property(route, (candidate) => {
      expect(routeLine(candidate, networks)).toBe(`  ${candidate.hostname} ${candidate.address};\n`);
    }),
  );
  fc.assert(
    fc.property(torn, (candidate) => {
      expect(() => routeLine(candidate, networks)).toThrow();
    }),
    { numRuns: 1_000 },
  );
});
