import { createHash } from 'node:crypto';
import { network } from '../../domain/address';
import { fingerprintOf } from '../../drivers/cloud/static/host-key';
import { parseInventory } from '../../drivers/cloud/static/inventory';
import { keyPair } from './ssh-login';

const gateways = [network('192.0.2.0/24')];
const fingerprint = `SHA256:${'A'.repeat(43)}`;
const good = {
  name: 'rack-1',
  host: '198.51.100.7',
  user: 'gw',
  hostKey: fingerprint,
  serves: '192.0.2.7',
  region: 'rack',
} as const;

/** The YAML of one host, each member in a line of its own: `name` is in line 2. */
function yaml(over: Record<string, string> = {}): string {
  const members = Object.entries({ ...good, ...over }).map(([key, value]) => `${key}: ${value}`);
  return `hosts:\n  - ${members.join('\n    ')}\n`;
}

function refusal(text: string): string {
  try {
    parseInventory(text, gateways);
  } catch (error) {
    expect(error).toMatchObject({ name: 'Failure', code: 'INVALID_INPUT' });
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

test('an inventory is read, with what it leaves out', () => {
  expect(parseInventory(yaml({ labels: '{ instance-type: large }' }), gateways)).toEqual([
    { ...good, port: 22, labels: { 'instance-type': 'large' } },
  ]);
  expect(parseInventory(yaml({ port: '2222' }), gateways)).toMatchObject([{ port: 2222, labels: {} }]);
});

describe('host keys', () => {
  const { publicKey } = keyPair();
  const blob = Buffer.from(publicKey.split(' ')[1]!, 'base64');
  const own = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

  test('a public key and its fingerprint are the same pin', () => {
    expect(parseInventory(yaml({ hostKey: `"${publicKey}"` }), gateways)[0]!.hostKey).toBe(own);
    expect(parseInventory(yaml({ hostKey: `"${publicKey} root@host"` }), gateways)[0]!.hostKey).toBe(own);
    expect(parseInventory(yaml({ hostKey: own }), gateways)[0]!.hostKey).toBe(own);
  });

  test.each([
    '',
    'SHA256:',
    `SHA256:${'A'.repeat(42)}`,
    `${fingerprint}=`,
    `${fingerprint}\n`,
    'MD5:aa:bb:cc',
    '*',
    publicKey.replace('ssh-ed25519', 'ssh-rsa'),
    `${publicKey}\nssh-ed25519 AAAA`,
    `@cert-authority * ${publicKey}`,
    `ssh-ed25519 ${'A'.repeat(60)}`,
  ])('%j is no host key', (value) => {
    expect(fingerprintOf(value)).toBeUndefined();
    expect(refusal(yaml({ hostKey: JSON.stringify(value) }))).toMatch(/line 5, hosts\.0\.hostKey: must be a finger/);
  });
});

describe('hostile values are refused by line and member', () => {
  // Each would reach a command line, a connection or an edge's configuration if it were taken.
  const commands = [
    "'; touch /scratch #",
    '$(touch /scratch)',
    '`id`',
    'a\nb',
    'a b',
    '-oProxyCommand=id',
    'a\u0000',
    '',
  ];
  const line = { name: 2, host: 3, user: 4, hostKey: 5, serves: 6, region: 7 } as const;
  const cases: [keyof typeof line, string][] = [
    ...commands.flatMap((value): [keyof typeof line, string][] => [
      ['name', value],
      ['user', value],
      ['region', value],
      ['host', value],
      ['serves', value],
    ]),
    ...[
      '127.1',
      '0177.0.0.1',
      '2130706433',
      '::1',
      '[::ffff:127.0.0.1]',
      'evil.test',
      '192.0.2.7:80',
      '256.1.1.1',
    ].flatMap((value): [keyof typeof line, string][] => [
      ['host', value],
      ['serves', value],
    ]),
    ...['0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'].map((value): [keyof typeof line, string] => [
      'host',
      value,
    ]),
    ['serves', '198.51.100.7'],
    ['serves', '192.0.2.7; } upstream evil {'],
    ['name', 'Rack-1'],
    ['name', 'a'.repeat(64)],
    ['name', 'ｒack'],
    ['name', '../../etc'],
    ['user', 'Root'],
    ['user', 'a'.repeat(33)],
    ['region', '../x'],
  ];
  test.each(cases)('%s: %j', (member, value) => {
    const message = refusal(yaml({ [member]: JSON.stringify(value) }));
    expect(message).toMatch(new RegExp(`^  line ${line[member]}, hosts\\.0\\.${member}: `, 'm'));
    // What is printed back can drive no terminal.
    expect(message).toMatch(/^[\x20-\x7e\n]+$/);
  });

  test.each(['0', '65536', '-1', '22.5', '"22"', 'null'])('port: %s', (port) => {
    expect(refusal(yaml({ port }))).toMatch(/line 8, hosts\.0\.port: /);
  });

  test.each(['{ "a\\nb": x }', '{ a: "x; y" }', '{ a: "$(id)" }', '{ A: x }', '[a]'])('labels: %s', (labels) => {
    expect(refusal(yaml({ labels }))).toMatch(/line 8, hosts\.0\.labels/);
  });
});

describe('files that are more than an inventory', () => {
  test('a member that nobody knows is refused, whatever it is called', () => {
    expect(refusal(yaml({ hostkey: 'x' }))).toMatch(/hosts\.0: .*hostkey/);
    expect(refusal(yaml({ __proto__x: 'x' }))).toMatch(/__proto__x/);
    expect(refusal(`${yaml()}more: true\n`)).toMatch(/more/);
    expect(refusal(yaml().replace('    user', '    __proto__: { polluted: true }\n    user'))).toMatch(
      /line 4: .*__proto__/,
    );
    expect(refusal(yaml({ labels: '{ __proto__: { polluted: x } }' }))).toMatch(/line 8: .*__proto__/);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('a member that is missing is named', () => {
    for (const member of Object.keys(good)) {
      const text = yaml().replace(new RegExp(`${member}: .*`), member === 'name' ? 'port: 22' : '');
      expect(refusal(text)).toContain(`hosts.0.${member}: `);
    }
  });

  test('a host that appears twice in whatever way would be leased twice', () => {
    const second = (over: object): string =>
      `${yaml()}  - ${JSON.stringify({ ...good, name: 'rack-2', host: '198.51.100.8', serves: '192.0.2.8', ...over })}\n`;
    expect(parseInventory(second({}), gateways)).toHaveLength(2);
    expect(refusal(second({ name: 'rack-1' }))).toMatch(/line 8, hosts\.1\.name: another host has rack-1/);
    expect(refusal(second({ host: good.host }))).toMatch(/hosts\.1\.host: another host has 198\.51\.100\.7:22/);
    expect(refusal(second({ serves: good.serves }))).toMatch(/hosts\.1\.serves: another host has/);
    expect(parseInventory(second({ host: good.host, port: 2222 }), gateways)).toHaveLength(2);
  });

  test('what is not plain YAML is refused by its line', () => {
    expect(refusal('hosts: [')).toMatch(/line \d+: /);
    expect(refusal(`${yaml()}hosts: []\n`)).toMatch(/line 8: /);
    expect(refusal('hosts:\n  - !!js/function x')).toMatch(/line 2/);
    expect(refusal('')).toMatch(/line 1, the whole/);
    expect(refusal('--- a\n--- b')).toMatch(/line/);
    expect(refusal('hosts: []')).toMatch(/line 1, hosts: /);
  });

  test('a small file does not become a large value', () => {
    const levels = Array.from({ length: 12 }, (_, index) => {
      const below = index === 0 ? 'x' : `*l${index - 1}`;
      return `l${index}: &l${index} [${Array.from({ length: 10 }, () => below).join(', ')}]`;
    });
    expect(refusal(`${levels.join('\n')}\nhosts: *l11\n`)).toMatch(/line 2: it uses a YAML alias/);
    expect(refusal(`# ${'x'.repeat(1024 * 1024)}`)).toMatch(/longer than/);
  });

  test('of very many mistakes the first ones are told', () => {
    const hosts = Array.from({ length: 50 }, () => ({ ...good, host: 'evil.test' }));
    const message = refusal(JSON.stringify({ hosts }));
    expect(message.split('\n')).toHaveLength(12);
    expect(message).toMatch(/and 40 more$/);
  });
});
