import type { Exit } from './exit';

/** Where commands write to and what they may know of their surroundings; tests give their own. */
export interface Io {
  /** Writes to standard output, without adding a line end. */
  out(text: string): void;
  /** Writes to standard error, without adding a line end. */
  err(text: string): void;
  /** Whether standard output is a terminal that can be drawn on. */
  readonly terminal: boolean;
  /** Columns of the terminal; undefined where there is none, so that nothing is shortened. */
  readonly columns: number | undefined;
  /** Lines of the terminal; undefined where there is none. */
  readonly rows: number | undefined;
  readonly colours: boolean;
  readonly env: NodeJS.ProcessEnv;
  now(): Date;
  /**
   * Asks the person a question and gives what was typed; null where nobody sits at a terminal, undefined when the person
   * left instead of answering.
   */
  ask(question: string): Promise<string | null | undefined>;
  /** Everything that comes on standard input. */
  input(): Promise<string>;
  /** Aborted when the person presses Ctrl-C; asking for it takes the signal over. */
  interrupted(): AbortSignal;
  /** Decides the exit code. */
  exit(code: Exit): void;
}

/** The surroundings of this process. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  const terminal = stdout.isTTY === true && env['TERM'] !== 'dumb';
  const wanted = env['FORCE_COLOR'];
  let interrupt: AbortController | undefined;
  let watched = false;
  return {
    out(text) {
      // Whoever reads may have seen enough, as `head` does.
      if (!watched) stdout.on('error', () => process.exit());
      watched = true;
      stdout.write(text);
    },
    err: (text) => void stderr.write(text),
    terminal,
    // Asked every time: windows change their size.
    get columns() {
      return terminal ? stdout.columns : undefined;
    },
    get rows() {
      return terminal ? stdout.rows : undefined;
    },
    colours: wanted ? wanted !== '0' : terminal && !env['NO_COLOR'],
    env,
    now: () => new Date(),
    async ask(question) {
      if (!process.stdin.isTTY || !stderr.isTTY) return null;
      const { createInterface } = require('node:readline') as typeof import('node:readline');
      // The question goes where it is seen even when standard output goes into a file.
      const reader = createInterface({ input: process.stdin, output: stderr });
      try {
        const answer = await new Promise<string | undefined>((resolve) => {
          reader.once('close', () => resolve(undefined));
          reader.question(question, resolve);
        });
        if (answer === undefined) stderr.write('\n');
        return answer;
      } finally {
        reader.close();
      }
    },
    async input() {
      const pieces: Buffer[] = [];
      for await (const piece of process.stdin) pieces.push(piece as Buffer);
      return Buffer.concat(pieces).toString('utf8');
    },
    interrupted() {
      if (interrupt) return interrupt.signal;
      const controller = (interrupt = new AbortController());
      process.once('SIGINT', () => controller.abort());
      return controller.signal;
    },
    exit: (code) => {
      process.exitCode = code;
    },
  };
}
