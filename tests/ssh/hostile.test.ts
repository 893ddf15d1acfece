import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { fillTemplate } from '../../domain/fleet/template';
import { profileValues, type ValueSpec } from '../../domain/fleet/values';
import { isSafePattern } from '../../domain/fleet/pattern';
import { readProfile } from '../../domain/fleet/profile';
import { Failure } from '../../domain/failures';
import { configure } from '../../drivers/ssh/configure';
import { OutputLines } from '../../drivers/ssh/output';
import { scrub } from '../../worker/scrub';
import { startTestHost, type TestHost } from './fixture';
import { configurationOf, configured, connected, expectFailure, profileOf } from './support';

/** What would do something, or look like something else, where it is not taken as mere text. */
const hostile = [
  "'; touch scratch #",
  '"; touch scratch #',
  '$(touch scratch)',
  '`touch scratch`',
  '${IFS}touch',
  'x\ntouch scratch',
  'x\r\ntouch scratch',
  'x\0y',
  'a b',
  '| touch scratch',
  '&& touch scratch',
  '> scratch',
  '{{secret}}',
  '%i',
  '\\',
  '*',
  '~root',
  '\u202egpj.exe',
  '\u212a',
  '\x1b[2J',
];

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'it is taken';
};

describe('hostile values', () => {
  const specs: Record<string, ValueSpec> = {
    string: { type: 'string', pattern: '[^x]{0,3}[^x]*' },
    ip: { type: 'ip' },
    port: { type: 'port' },
    hostname: { type: 'hostname' },
    uuid: { type: 'uuid' },
    int: { type: 'int', min: 1, max: 5 },
    secretRef: { type: 'secretRef' },
  };

  test.each(hostile)('%j is no value of any type', (value) => {
    for (const [name, spec] of Object.entries(specs))
      expect(refusal(() => profileValues({ [name]: spec }, { [name]: value }))).toMatch(
        new RegExp(`^PROFILE_INVALID: values\\.${name} must be `),
      );
  });

  test('a value of another type, too many or too few are refused by name; prototypes are none', () => {
    for (const value of [null, {}, [], true, { toString: () => 'x' }, 1.5, NaN, Infinity, 99999, -1])
      for (const [name, spec] of Object.entries(specs))
        expect(refusal(() => profileValues({ [name]: spec }, { [name]: value }))).toContain(`values.${name} must be`);
    expect(refusal(() => profileValues({ port: specs['port']! }, {}))).toContain('values.port is missing');
    expect(refusal(() => profileValues({}, { more: 1 }))).toContain('values.more is not a value');
    expect(refusal(() => profileValues({}, JSON.parse('{"__proto__": 1}') as object as never))).toContain(
      'PROFILE_INVALID',
    );
    const named = JSON.parse('{"toString": {"type": "ip"}}') as Record<string, ValueSpec>;
    expect(refusal(() => profileValues(named, {}))).toContain('is missing');
  });

  test.each(hostile)('%j does not get through a template even where nothing checked it before', (value) => {
    const named: Record<string, ValueSpec> = { text: { type: 'string', pattern: '.' }, secret: { type: 'secretRef' } };
    expect(refusal(() => fillTemplate('a {{text}}', 'file', named, { text: value }, {}))).toMatch(/^PROFILE_INVALID: /);
    const failure = refusal(() => fillTemplate('a {{secret}}', 'file', named, {}, { secret: value }));
    expect(failure).toBe('SECRET_UNAVAILABLE: the secret for {{secret}} is missing or cannot stand in a file');
  });

  test.each(['{{', '{{}}', '{{ text }}', '{{text', '{{Text}}', '{{other}}', '{{{text}}}', '{{text}}{{'])(
    'a template with %j is refused',
    (template) => {
      const text: Record<string, ValueSpec> = { text: { type: 'string', pattern: '[a-z]+' } };
      expect(refusal(() => fillTemplate(template, 'file', text, { text: 'x' }, {}))).toMatch(/^PROFILE_INVALID: file /);
    },
  );

  test('a pattern that could take long is none', () => {
    for (const pattern of ['(a+)+', '(a|a)*', 'a*a*a*a*', '.*', '\\1', '[a', 'a{2000}', '^a$', ''])
      expect([pattern, isSafePattern(pattern)]).toEqual([pattern, false]);
    for (const pattern of ['[a-z][a-z0-9-]{1,40}', 'v[0-9]+\\.[0-9]+', 'a'])
      expect([pattern, isSafePattern(pattern)]).toEqual([pattern, true]);
  });
});

describe('hostile profiles', () => {
  const good = {
    name: 'good',
    values: {},
    files: [],
    scripts: [],
    health: { kind: 'script', content: '', timeoutMs: 1000 },
  };
  const file = (changes: object) => ({ ...good, files: [{ path: 'a', mode: '0644', content: '', ...changes }] });
  const script = (changes: object) => ({
    ...good,
    scripts: [{ name: 'ab', content: '', timeoutMs: 1000, runs: 'always', ...changes }],
  });
  const http = (changes: object) => ({
    ...good,
    health: { kind: 'http', port: 80, path: '/', expect: { status: 200 }, ...changes },
  });

  test.each([
    ['name', { ...good, name: "x'; id" }],
    ['it', { ...good, more: 1 }],
    ['files', { ...good, files: undefined }],
    ...[
      '../x',
      '/../x',
      'a/../../x',
      '/',
      'a//b',
      'a b',
      "a'b",
      'a\nb',
      '$(id)',
      '-rf',
      './x',
      'operations/x',
      'lock',
      'state.json',
      '/etc/x\0',
    ].map((path) => ['files.0.path', file({ path })] as [string, object]),
    ...['4755', '0999', '644', 0o644, '0644; id'].map((mode) => ['files.0.mode', file({ mode })] as [string, object]),
    ...['root', 'root:root; id', '$(id):x', '-R:x'].map(
      (owner) => ['files.0.owner', file({ owner })] as [string, object],
    ),
    ['files.0.template', file({ template: 'x' })],
    ['files.1', { ...good, files: [file({}).files[0], file({}).files[0]] }],
    ['values', file({ content: '{{missing}}', template: true })],
    ...['a b', 'A', 'x', "x'y", '../x', 'x\ny'].map((name) => ['scripts.0.name', script({ name })] as [string, object]),
    ['scripts.0.timeoutMs', script({ timeoutMs: 1e9 })],
    ['scripts.0.runs', script({ runs: 'never' })],
    ['scripts.1', { ...good, scripts: [script({}).scripts[0], script({}).scripts[0]] }],
    ['health.path', http({ path: '/x y' })],
    ['health.path', http({ path: '@evil/' })],
    ['health.port', http({ port: '80@evil' })],
    ['values', http({ port: '{{missing}}' })],
    ['health', { ...http({ port: '{{s}}' }), values: { s: { type: 'secretRef' } } }],
    ['values.x.pattern', { ...good, values: { x: { type: 'string', pattern: '(a+)+' } } }],
    ['values.x.default', { ...good, values: { x: { type: 'port', default: 0 } } }],
    ['values.X', { ...good, values: { X: { type: 'port' } } }],
    ['it', null],
    ['it', 'text'],
  ])('a wrong %s is refused by its name', (member, profile) => {
    const failure = refusal(() => readProfile(profile));
    expect(failure).toMatch(/^PROFILE_INVALID: the profile is not valid: /);
    expect(failure).toContain(` ${member}`);
    expect(failure).toMatch(/^[\x20-\x7e]+$/);
  });

  test('one of the same shape is taken', () => {
    expect(readProfile({ ...file({ owner: 'root:root', path: '/etc/a/.b' }), health: http({}).health }).name).toBe(
      'good',
    );
  });
});

describe('hostile output', () => {
  const linesOf = (data: Buffer | string, options = {}): string[] => {
    const lines: string[] = [];
    const reader = new OutputLines({ scrub, onLine: (line) => lines.push(line), ...options });
    const bytes = Buffer.from(data);
    // In pieces, as it comes.
    for (let at = 0; at < bytes.length; at += 7) reader.write(bytes.subarray(at, at + 7));
    reader.end();
    return lines;
  };

  test.each([
    ['\x1b[2J\x1b]0;title\x07', '\\x1b[2J\\x1b]0;title\\x07'],
    ['a\0b', 'a\\x00b'],
    [Buffer.from([0xff, 0xfe, 0x41, 0xc3]), '\\xff\\xfeA\\xc3'],
    [Buffer.from([0xc0, 0xaf]), '\\xc0\\xaf'],
    ['na\u00efve \u2603 \u{1f600}', 'na\u00efve \u2603 \u{1f600}'],
    ['\u202egpj.exe\u200b', '\\u{202e}gpj.exe\\u{200b}'],
    ['\u2028\u0085', '\\u{2028}\\x85'],
    ['over\rwritten\r', 'over\\x0dwritten'],
    ['tab\tstays', 'tab\tstays'],
    ['password=hunter2', 'password=***'],
    ['Authorization: Bearer abc', 'Authorization: Bearer ***'],
    ['https://user:hunter2@host', 'https://user:***@host'],
  ])('%j is shown as text', (data, shown) => {
    expect(linesOf(data)).toEqual([shown]);
  });

  test('is bounded by line, lines and altogether; the rest is counted', () => {
    expect(linesOf('x'.repeat(5_000), { maxLine: 10, scrub: (line: string) => line })).toEqual([
      `${'x'.repeat(10)} (4990 more)`,
    ]);
    expect(linesOf('x'.repeat(100_000), { maxLine: 10, scrub: (line: string) => line })).toEqual([
      `${'x'.repeat(10)} (99990 more)`,
    ]);
    expect(linesOf('a\n'.repeat(10), { maxLines: 3 })).toEqual(['a', 'a', 'a', '(7 more lines are left out)']);
    expect(linesOf('aaaa\n'.repeat(10), { maxTotal: 8 })).toEqual(['aaaa', 'aaaa', '(8 more lines are left out)']);
  });
});

describe('on a machine', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await startTestHost(5);
  });
  afterAll(async () => await host.stop());

  test('what scripts print is told as it is, and none of it is taken for the runner’s own words', async () => {
    const content = `printf '\\033[2J\\000\\377\\n'; printf 'gatewright: script forged ended with 0\\n'
      printf 'no end of line'; printf 'password=hunter2\\n' >&2; printf 'last'`;
    const { lines } = await configured(host, configurationOf(profileOf([{ name: 'prints', content }])));
    expect(lines).toEqual([
      'gatewright: script prints begins',
      'prints: \\x1b[2J\\x00\\xff',
      'prints: gatewright: script forged ended with 0',
      'prints: no end of linepassword=***',
      'prints: last',
      'gatewright: script prints ended with 0',
    ]);
  });

  test('endless output costs neither us nor the machine, and the script ends as it would', async () => {
    const content = 'head -c 20000000 /dev/zero | tr "\\0" x | fold -w 100; exit 9';
    const profile = profileOf([{ name: 'endless', content }]);
    await expectFailure(configured(host, configurationOf(profile)), 'SCRIPT_FAILED');
    const kept = readdirSync(host.path('operations')).map((id) => host.read(`operations/${id}/output`)?.length ?? 0);
    expect(Math.max(...kept)).toBeGreaterThan(900_000);
    expect(Math.max(...kept)).toBeLessThan(1_300_000);
  });

  test('names that are commands elsewhere touch nothing', async () => {
    await connected(host, async (connection) => {
      for (const name of hostile) {
        const values = { name: { type: 'string' as const, pattern: '[^x]{0,3}[^x]*' } };
        const profile = profileOf([], {
          values,
          files: [{ path: 'named', mode: '0644', content: '{{name}}', template: true }],
        });
        expect(() => configurationOf(profile, { name })).toThrow('values.name must be');
        const unchecked = { profile, values: { name }, secrets: {} };
        await expectFailure(configure(connection, unchecked, randomUUID(), { scrub }), 'PROFILE_INVALID');
        const good = configurationOf(profileOf([]));
        await expectFailure(configure(connection, good, name, { scrub }), 'INVALID_INPUT');
      }
    });
    expect(readdirSync(host.root)).not.toContain('scratch');
    expect(readdirSync(host.root)).not.toContain('named');
  });
});
