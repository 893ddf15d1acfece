import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A token at the one moment when its secret is known. */
export interface MintedToken {
  readonly id: string;
  readonly secret: string;
  /** What its owner sends: `gw_<id>_<secret>`. */
  readonly text: string;
  /** What is stored. */
  readonly hash: string;
}

/** The two halves of what a caller sent. */
export interface TokenParts {
  readonly id: string;
  readonly secret: string;
}

const BEARER = /^Bearer +gw_([a-z0-9]{8,32})_([A-Za-z0-9]{32,128})$/i;
const PAIR = /^(?:gw_)?([a-z0-9]{8,32}):([A-Za-z0-9]{32,128})$/;

/** Makes a token: an id of 64 random bits and a secret of 256. */
export function mintToken(): MintedToken {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('hex');
  return { id, secret, text: `gw_${id}_${secret}`, hash: hashSecret(secret) };
}

/**
 * Reads an Authorization header: `Bearer gw_<id>_<secret>`, or `<id>:<secret>` without a scheme word. Undefined for
 * anything else.
 */
export function parseToken(header: string | undefined): TokenParts | undefined {
  const match = header === undefined ? null : (BEARER.exec(header.trim()) ?? PAIR.exec(header.trim()));
  return match ? { id: match[1]!, secret: match[2]! } : undefined;
}

/** SHA-256 in hex: secrets have 256 random bits, so a slow hash would add nothing but time. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares a secret with a stored hash in a time that tells nothing. */
export function secretMatches(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex');
  const stored = Buffer.from(hash, 'hex');
  return given.length === stored.length && timingSafeEqual(given, stored);
}
