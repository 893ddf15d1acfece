import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Something to look for, and the ways in which it may be written. */
export interface Wanted {
  readonly name: string;
  readonly value: string;
}

/** Bytes and where they came from. */
export interface Haystack {
  readonly where: string;
  readonly bytes: Buffer;
}

/** Where each wanted value occurs, as itself, in base64 at any alignment, in hex or percent-encoded. */
export function findAll(wanted: readonly Wanted[], haystacks: Iterable<Haystack>): string[] {
  const found: string[] = [];
  const forms = wanted.map(({ name, value }) => ({ name, forms: formsOf(value) }));
  for (const { where, bytes } of haystacks)
    for (const { name, forms: needles } of forms)
      for (const [form, needle] of needles) if (bytes.includes(needle)) found.push(`${name} as ${form} in ${where}`);
  return found;
}

function formsOf(value: string): [string, string][] {
  const bytes = Buffer.from(value);
  return [
    ['text', value],
    ['hex', bytes.toString('hex')],
    ['percent-encoded', [...bytes].map((byte) => `%${byte.toString(16)}`).join('')],
    ...[0, 1, 2].map((shift): [string, string] => [`base64 +${shift}`, base64Inside(bytes, shift)]),
  ];
}

/** What of a value's base64 does not depend on what stands around it. */
function base64Inside(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  return encoded.slice(shift === 0 ? 0 : shift + 1, -1);
}

/** Every file below a directory, byte by byte; named by its path from there. */
export function* filesBelow(directory: string, root = directory): Generator<Haystack> {
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) yield* filesBelow(path, root);
    else if (stat.isFile()) yield { where: relative(root, path), bytes: readFileSync(path) };
  }
}
