import { readFileSync, statSync } from 'node:fs';
import type { Io } from './io';
import { CliProblem } from './problem';

/** Bytes of a file of configuration: what the API takes. */
const MAX_BYTES = 64 * 1024;

/**
 * Reads the one YAML document of a file, or of standard input where the file is `-`.
 * @throws CliProblem saying where what is wrong.
 */
export async function readYaml(io: Io, file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = file === '-' ? await io.input() : readText(file);
  const name = file === '-' ? 'standard input' : file;
  if (Buffer.byteLength(text) > MAX_BYTES) throw wrong(name, `has more than ${MAX_BYTES / 1024} kB`);
  const { LineCounter, parseAllDocuments } = require('yaml') as typeof import('yaml');
  const lines = new LineCounter();
  // The core schema alone: no tag makes anything but plain data.
  const documents = parseAllDocuments(text, { lineCounter: lines, schema: 'core', prettyErrors: false });
  const all = Array.isArray(documents) ? documents : [];
  if (all.length === 0) throw wrong(name, 'is empty');
  for (const { errors } of all) {
    const [error] = errors;
    if (!error) continue;
    const { line, col } = lines.linePos(error.pos[0]);
    throw wrong(`${name}:${line}:${col}`, error.message);
  }
  if (all.length > 1) throw wrong(name, 'holds several documents; apply them one at a time');
  let value: unknown;
  try {
    value = all[0]!.toJS({ maxAliasCount: 20 });
  } catch (error) {
    throw wrong(name, (error as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(name, 'is not a map, as in `type: gateway`');
  return value as Record<string, unknown>;
}

function readText(file: string): string {
  try {
    if (statSync(file).size > MAX_BYTES) throw wrong(file, `has more than ${MAX_BYTES / 1024} kB`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CliProblem) throw error;
    throw wrong(file, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function wrong(where: string, what: string): CliProblem {
  return new CliProblem({
    title: 'The configuration cannot be read',
    code: 'NO_CONFIGURATION',
    detail: `${where}: ${what}`,
  });
}
