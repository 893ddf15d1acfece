import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { ensureDstack, type DstackVersion } from '../../../environment/dstack-cli';

/** What a command printed, both streams together, and how it ended. */
export interface CliResult {
  readonly code: number;
  readonly output: string;
}

/**
 * dstack's command line as PyPI has it, with a home of its own. Every command is a process of its own, forked from one
 * that has loaded the program: loading it takes seconds.
 */
export class DstackCli {
  private readonly codes: Interface;

  private constructor(
    private readonly loaded: ChildProcess,
    private readonly home: string,
  ) {
    this.codes = createInterface(loaded.stdout!);
  }

  static async load(version: DstackVersion): Promise<DstackCli> {
    const python = await ensureDstack(version, () => undefined);
    const home = mkdtempSync(join(tmpdir(), 'gatewright-dstack-'));
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      COLUMNS: '300',
      LC_ALL: 'C.UTF-8',
      // It asks its vendor's site for a newer version; nothing but loopback is reached from here.
      https_proxy: 'http://127.0.0.1:9',
      no_proxy: '127.0.0.1',
    };
    const options = { cwd: home, env, stdio: ['pipe', 'pipe', 'inherit'] as ['pipe', 'pipe', 'inherit'] };
    return new DstackCli(spawn(python, [join(__dirname, 'forks.py')], options), home);
  }

  /** Writes a file that commands find under its name. */
  file(name: string, members: object): string {
    // JSON is YAML.
    writeFileSync(join(this.home, name), JSON.stringify(members));
    return name;
  }

  /** Runs `dstack` with these arguments; one at a time. */
  async run(...args: string[]): Promise<CliResult> {
    const output = join(this.home, 'output');
    const ended = once(this.codes, 'line') as Promise<[string]>;
    this.loaded.stdin!.write(`${JSON.stringify({ args, output })}\n`);
    const [code] = await ended;
    return { code: Number(code), output: readFileSync(output, 'utf8') };
  }

  async close(): Promise<void> {
    const ended = once(this.loaded, 'exit');
    this.loaded.stdin!.end();
    await ended;
    this.codes.close();
    rmSync(this.home, { recursive: true, force: true });
  }
}
