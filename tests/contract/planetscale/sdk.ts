import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How the SDK says that a call failed. */
export interface SdkError {
  /** The name of the SDK's class: `NotFound`, `Conflict`, `PlanetScaleParseError`, ... */
  readonly tag: string;
  readonly message: string;
  readonly cause: string | null;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: SdkError;
  readonly unknown?: string;
}

/** PlanetScale's own TypeScript SDK, as it is published: generated from the official document, and strict. */
export class Sdk {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;
  private said = '';

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    readonly organization: string,
  ) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    child.stderr.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    child.once('exit', () => {
      for (const [id, give] of this.waiting) give({ id, unknown: `the SDK ended: ${this.said}` });
    });
  }

  /**
   * @param url of the API, without a trailing slash.
   * @param authorization `<id>:<secret>`
   */
  static start(url: string, authorization: string, organization: string): Sdk {
    const [id, secret] = authorization.split(':');
    const child = spawn(process.execPath, [join(__dirname, 'client.mjs'), `${url}/v1`, id!, secret!, organization]);
    return new Sdk(child, organization);
  }

  /** Makes a call that succeeds, in the organization. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async call(operation: string, input: object = {}): Promise<any> {
    const answer = await this.ask(operation, input);
    if (answer.error) throw new Error(`${operation}: ${JSON.stringify(answer.error)}`);
    return answer.value;
  }

  /** Makes a call that fails. */
  async refused(operation: string, input: object = {}): Promise<SdkError> {
    const { error, value } = await this.ask(operation, input);
    if (!error) throw new Error(`${operation} was not refused: ${JSON.stringify(value)}`);
    return error;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.stdin.end();
    await once(this.child, 'exit');
  }

  private async ask(operation: string, input: object): Promise<Answer> {
    const id = ++this.last;
    const answer = await new Promise<Answer>((resolve) => {
      this.waiting.set(id, resolve);
      const line = { id, operation, input: { organization: this.organization, ...input } };
      this.child.stdin.write(`${JSON.stringify(line)}\n`);
    });
    if (answer.unknown !== undefined) throw new Error(answer.unknown);
    return answer;
  }
}
