import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { generationNumber } from './config';

type Shell = ChildProcessByStdio<Writable, Readable, null>;

/** What `nginx -t` came to: `error` when it did not start, was killed, or did not exit with 0. */
export interface Tested {
  readonly error: Error | null;
  readonly output: string;
}

/**
 * Reads the number of a generation, has nginx test it, says what nginx said, and then its exit code behind a word that
 * nginx cannot know. Ends with its standard input, so also when whoever started it is killed.
 */
const script = `while read -r number; do
  cd "$1" && "$0" -t -p "$1/" -e stderr -c "generations/$number/candidate.conf" 2>&1 </dev/null
  printf '\\n%s %s\\n' "$2" "$?"
done`;

/**
 * Runs `nginx -t` for one edge, one test after the other. A small shell does the forking: node's own halts its whole
 * event loop for a fork of a worker of 300 MB, 10 to 25 ms each time, and has the memory copied page by page after it.
 */
export class ConfigTester {
  private shell: Shell | undefined;
  private readonly word = randomUUID();
  private last: Promise<unknown> = Promise.resolve();

  /**
   * @param nginx the binary.
   * @param directory the edge's own directory, absolute.
   * @param timeoutMs until a test is given up and killed.
   */
  constructor(
    private readonly nginx: string,
    private readonly directory: string,
    private readonly timeoutMs: number,
  ) {}

  /** Tests the candidate of a written generation. */
  async test(generation: number): Promise<Tested> {
    const number = generationNumber(generation);
    const mine = this.last.then(async () => {
      const first = await this.ask(number);
      // The shell was ended between two tests, by whomever.
      return first ?? (await this.ask(number)) ?? { error: new Error('nginx -t was not run to its end'), output: '' };
    });
    this.last = mine.catch(() => undefined);
    return await mine;
  }

  /** Ends the shell; the next test starts another. */
  close(): void {
    this.shell?.stdin.end();
    this.shell = undefined;
  }

  /** @returns undefined when the shell ended before it answered. */
  private ask(number: number): Promise<Tested | undefined> {
    const shell = (this.shell ??= this.start());
    return new Promise((resolve) => {
      let text = '';
      const done = (tested: Tested | undefined): void => {
        clearTimeout(timer);
        shell.stdout.off('data', read).off('close', ended);
        if (tested === undefined && this.shell === shell) this.shell = undefined;
        hold(shell, false);
        resolve(tested);
      };
      const read = (chunk: Buffer): void => {
        text += chunk.toString('utf8');
        const end = new RegExp(`\\n${this.word} (\\d+)\\n$`).exec(text);
        if (!end) return;
        const output = text.slice(0, end.index);
        done({ error: end[1] === '0' ? null : new Error(`nginx -t exited with ${end[1]}: ${output.trim()}`), output });
      };
      const ended = (): void => done(undefined);
      const timer = setTimeout(() => {
        this.shell = undefined;
        killGroup(shell);
        done({ error: new Error(`nginx -t took longer than ${this.timeoutMs} ms`), output: text });
      }, this.timeoutMs);
      shell.stdout.on('data', read).on('close', ended);
      hold(shell, true);
      shell.stdin.write(`${number}\n`);
    });
  }

  private start(): Shell {
    const shell = spawn('/bin/sh', ['-c', script, this.nginx, this.directory, this.word], {
      cwd: '/', // the edge's directory may be lost and made again
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // a group of its own, so that a test that hangs can be killed with it
    });
    shell.on('error', () => shell.stdout.destroy());
    shell.stdin.on('error', () => undefined); // it has ended, which its output tells
    hold(shell, false);
    return shell;
  }
}

/** Whether a shell keeps this process alive: only while a test is waited for. */
function hold(shell: Shell, held: boolean): void {
  const change = held ? 'ref' : 'unref';
  for (const handle of [shell, shell.stdin as unknown as Socket, shell.stdout as unknown as Socket]) handle[change]();
}

function killGroup({ pid }: Shell): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
