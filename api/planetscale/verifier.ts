import { createHash, createHmac, pbkdf2Sync, randomBytes, randomInt } from 'node:crypto';
import type { PasswordVerifier } from '../../domain/deploy/contract';
import type { DatabaseKind } from '../../domain/deploy/database';
import { sha256Crypt } from './sha256-crypt';

/** A password of 192 random bits, of letters and digits that need no escaping anywhere. */
export function mintPassword(): string {
  return `gwp_${randomBytes(24).toString('hex')}`;
}

/** What a server of a kind compares a password with. */
export function verifierOf(kind: DatabaseKind, password: string): PasswordVerifier {
  if (kind === 'postgresql') return { kind, scramSha256: scramSha256(password) };
  return { kind, nativePassword: nativePassword(password), cachingSha2: cachingSha2(password) };
}

/** Rounds of PBKDF2, as PostgreSQL itself takes them: the password has more random bits than they could add. */
const SCRAM_ITERATIONS = 4096;

/** PostgreSQL: RFC 5803 as `CREATE ROLE ... PASSWORD` takes it. */
export function scramSha256(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const key = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}

/** MariaDB: mysql_native_password. */
export function nativePassword(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

const SALT_LETTERS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** MySQL: caching_sha2_password, whose `005` is five thousand rounds. */
export function cachingSha2(password: string, salt: string = randomSalt()): string {
  return `$A$005$${salt}${sha256Crypt(password, salt, 5_000)}`;
}

function randomSalt(): string {
  return Array.from({ length: 20 }, () => SALT_LETTERS[randomInt(SALT_LETTERS.length)]).join('');
}
