import { connect } from 'node:net';

/** What an nginx worker says of itself on the generation endpoint. */
export interface GenerationAnswer {
  readonly generation: number;
  /** The worker's pid. */
  readonly pid: number;
}

/** Why there was no answer: `refused` means that nobody listens on the socket, `silent` everything else. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  constructor(
    readonly reason: 'refused' | 'silent',
    message: string,
  ) {
    super(message);
  }
}

const ANSWER = /^HTTP\/1\.[01] 200 [^]*\r\n\r\n(0|[1-9][0-9]{0,15}) ([1-9][0-9]{0,9})\n$/;

/**
 * Asks the generation endpoint on a fresh connection, so that any worker that still accepts connections may answer.
 * @param timeoutMs - milliseconds for the whole exchange.
 * @throws NoAnswer
 */
export function askGeneration(socketPath: string, timeoutMs: number): Promise<GenerationAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(socketPath);
    const timer = setTimeout(() => fail('silent', 'the generation endpoint did not answer in time'), timeoutMs);
    const fail = (reason: NoAnswer['reason'], message: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new NoAnswer(reason, message));
    };
    socket.setEncoding('latin1');
    socket.once('connect', () => socket.write('GET /generation HTTP/1.0\r\n\r\n'));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > 4096) fail('silent', 'the generation endpoint answered too much');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const refused = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      fail(refused ? 'refused' : 'silent', `generation endpoint: ${error.message}`);
    });
    socket.once('close', () => {
      const match = ANSWER.exec(text);
      if (!match) return fail('silent', 'the generation endpoint answered something else');
      clearTimeout(timer);
      resolve({ generation: Number(match[1]), pid: Number(match[2]) });
    });
  });
}
