import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = new Map<string, string>();

/** A script that runs on machines; a file of its own beside this one. */
export function hostScript(name: 'root.sh' | 'inspect.sh' | 'runner.sh'): string {
  let text = read.get(name);
  if (text === undefined) read.set(name, (text = readFileSync(join(__dirname, 'host', name), 'utf8')));
  return text;
}
