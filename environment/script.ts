import { join } from 'node:path';

/** A command line, ready for `spawn`. */
export interface ScriptCommand {
  readonly command: string;
  readonly args: readonly string[];
}

const root = join(__dirname, '..');

/**
 * How to run one of our own programs as a process of its own, from the build as well as from the sources under jest.
 * @param entry path of the program from the root of the sources, without extension, as in `environment/agent/main`.
 * @param nodeOptions options for node itself, as in `--max-old-space-size=64`.
 */
export function scriptCommand(entry: string, nodeOptions: readonly string[] = []): ScriptCommand {
  const built = __filename.endsWith('.js');
  const args = built
    ? [...nodeOptions, join(root, `${entry}.js`)]
    : [...nodeOptions, '-r', join(root, 'tests/support/register.js'), join(root, `${entry}.ts`)];
  return { command: process.execPath, args };
}
