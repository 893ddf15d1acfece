import { createHash } from 'node:crypto';

const LETTERS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** In which order the bytes of the digest are written, three at a time. */
const ORDER = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
] as const;

/** SHA-256 as crypt(3) uses it (Drepper, "Unix crypt using SHA-256"): the 43 letters of the digest alone. */
export function sha256Crypt(password: string, salt: string, rounds: number): string {
  const key = Buffer.from(password);
  const grain = Buffer.from(salt);
  const alternate = digest(key, grain, key);
  const mixed = [key, grain, stretched(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) mixed.push((bits & 1) === 1 ? alternate : key);
  const first = digest(...mixed);
  const p = stretched(digest(...Array.from({ length: key.length }, () => key)), key.length);
  const s = stretched(digest(...Array.from({ length: 16 + first[0]! }, () => grain)), grain.length);
  let state = first;
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1;
    const parts = [odd ? p : state];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(odd ? state : p);
    state = digest(...parts);
  }
  const groups = ORDER.map((places) => places.map((place) => state[place]!));
  return [...groups.map((bytes) => written(bytes, 4)), written([0, state[31]!, state[30]!], 3)].join('');
}

function digest(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A digest, repeated to a length. */
function stretched(bytes: Buffer, length: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(length / bytes.length) }, () => bytes)).subarray(0, length);
}

function written([high, middle, low]: readonly number[], letters: number): string {
  const value = (high! << 16) | (middle! << 8) | low!;
  return Array.from({ length: letters }, (_, at) => LETTERS[(value >> (6 * at)) & 63]).join('');
}
