import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One row of a case file, as far as every row is alike. */
export interface Case {
  readonly name: string;
}

const own = join(__dirname, '..', 'cases');

/** The rows of a file of behaviour as data; `CASES_DIR` names another directory with files of the same shape. */
export function readCases<T extends Case>(file: string): T[] {
  return JSON.parse(readFileSync(join(process.env.CASES_DIR ?? own, file), 'utf8')) as T[];
}

/** The rows that are not run, by name, each with its reason. */
export function leftOut(file: string): Readonly<Record<string, string>> {
  const all = JSON.parse(readFileSync(join(own, 'left-out.json'), 'utf8')) as Record<string, Record<string, string>>;
  return all[file] ?? {};
}
