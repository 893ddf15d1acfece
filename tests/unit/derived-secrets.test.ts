import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utils } from 'ssh2';
import { DerivedSecrets } from '../../drivers/secrets/derived';

const key = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const secrets = new DerivedSecrets(key);

test('the same key and name give the same, another of either something else', () => {
  expect(secrets.secret('replica-1')).toBe(new DerivedSecrets(key.toUpperCase()).secret('replica-1'));
  const all = [
    secrets.secret('replica-1'),
    secrets.secret('replica-2'),
    new DerivedSecrets(key.replace('0011', '0012')).secret('replica-1'),
  ];
  expect(new Set(all).size).toBe(3);
  for (const secret of all) expect(secret).toMatch(/^[0-9a-f]{64}$/);
});

// Names are sought whose keys have the bytes that generators go wrong with: zero first and last, a set high bit.
const shapes: [string, (raw: Buffer) => boolean][] = [
  ['any', () => true],
  ['zero as its first byte', (raw) => raw[0] === 0],
  ['zero as its last byte', (raw) => raw[31] === 0],
  ['a set high bit', (raw) => raw[0]! >= 0x80],
];

test.each(shapes)('ssh-keygen and ssh2 read the public key from the private one: %s', (_, has) => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-key-'));
  try {
    for (const name of namesOf(has, 3)) {
      const pair = secrets.keyPair(name, 'gatewright');
      const file = join(directory, name);
      writeFileSync(file, pair.privateKey, { mode: 0o600 });
      expect(execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim()).toBe(pair.publicKey);
      const parsed = utils.parseKey(pair.privateKey);
      if (parsed instanceof Error) throw parsed;
      expect(parsed.getPublicSSH().toString('base64')).toBe(pair.publicKey.split(' ')[1]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each(['', 'secret', '00', key.slice(2), `${key.slice(1)}g`])(
  'refuses «%s» as a key, and says how to make one',
  (bad) => {
    expect(() => new DerivedSecrets(bad)).toThrow('openssl rand -hex 32');
  },
);

/** Names whose public keys have a shape. */
function namesOf(has: (raw: Buffer) => boolean, count: number): string[] {
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const [, blob] = secrets.keyPair(`key-${i}`, 'gatewright').publicKey.split(' ');
    if (has(Buffer.from(blob!, 'base64').subarray(-32))) names.push(`key-${i}`);
  }
  return names;
}
