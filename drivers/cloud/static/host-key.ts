import { createHash } from 'node:crypto';

const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const PUBLIC_KEY =
  /^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) ([A-Za-z0-9+/]{40,1400}={0,2})( [\x20-\x7e]{0,100})?$/;

/**
 * The SHA-256 fingerprint of a host key, given as such or as a public key in one line.
 * @returns undefined for anything else, also for a line whose blob is of another type than it says.
 */
export function fingerprintOf(value: string): string | undefined {
  if (FINGERPRINT.test(value)) return value;
  const match = PUBLIC_KEY.exec(value);
  if (!match) return undefined;
  const [, type, base64] = match;
  const blob = Buffer.from(base64!, 'base64');
  const typeLength = blob.length > 4 ? blob.readUInt32BE(0) : 0;
  if (blob.subarray(4, 4 + typeLength).toString('latin1') !== type) return undefined;
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
