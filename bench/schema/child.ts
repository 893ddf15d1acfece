import { spawn, type ChildProcess } from 'node:child_process';
import { scriptCommand } from '../../environment/script';

/** What a child of the bench is asked, and what it answers. */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly input: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Milliseconds after which whatever a child does is stuck: a bench ends. */
const LONGEST_CALL_MS = 600_000;

const living = new Set<ChildProcess>();

/** A process that does one part of a bench, so that its memory and its time are its own. It ends with its parent. */
export class Child {
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private last = 0;
  private end: string | undefined;

  private constructor(
    private readonly process: ChildProcess,
    entry: string,
  ) {
    living.add(process);
    process.on('message', (answer: Answer) => this.take(answer));
    process.once('exit', (code, signal) => {
      living.delete(process);
      this.end = `${entry} ended with ${signal ?? code}`;
      for (const { reject } of this.waiting.values()) reject(new Error(this.end));
    });
  }

  /** @param entry path of the program from the root of the sources, without extension. */
  static start(entry: string): Child {
    const { command, args } = scriptCommand(entry);
    const process = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    return new Child(process, entry);
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Calls a method of the child. @throws Error with what it says, that it ended, or that it takes too long. */
  async call<T>(method: string, input?: unknown): Promise<T> {
    const late = setTimeout(() => this.process.kill('SIGKILL'), LONGEST_CALL_MS);
    try {
      return await this.ask<T>(method, input);
    } finally {
      clearTimeout(late);
    }
  }

  private async ask<T>(method: string, input: unknown): Promise<T> {
    if (this.end !== undefined) throw new Error(this.end);
    const id = ++this.last;
    return await new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.process.send({ id, method, input } satisfies Request);
    });
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }

  private take({ id, result, error }: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(result as never);
    else waiting?.reject(new Error(error));
  }
}

/** Ends all children that are left. */
export function stopChildren(): void {
  for (const child of living) child.kill('SIGKILL');
}

/** Answers what the parent asks, in a child. */
export function serve(methods: Readonly<Record<string, (input: never) => Promise<unknown>>>): void {
  process.once('disconnect', () => process.exit(0));
  process.on('message', ({ id, method, input }: Request) => {
    const answer = (given: Omit<Answer, 'id'>): void => void process.send?.({ id, ...given });
    methods[method]!(input as never).then(
      (result) => answer({ result }),
      (error: Error) => answer({ error: error.stack ?? error.message }),
    );
  });
}
