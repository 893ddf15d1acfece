import { Exit } from './exit';
import { CliProblem, wordedProblem, type ProblemDocument } from './problem';
import { count } from './text';

/** Milliseconds that an ordinary request may take. */
const ANSWER_MS = 15_000;

/** Milliseconds that a request which waits for its run may take: longer than the API's own bound. */
export const RUN_MS = 120_000;

/** What a request says beside its method and path. */
export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** 15 seconds unless told. */
  readonly timeoutMs?: number;
}

/** How to reach an API, and where that is known from. */
export interface Connection {
  /** Without a trailing slash. */
  readonly url: string;
  readonly authorization: string;
  /** What to say of the token when it is refused, as in `the token of GATEWRIGHT_TOKEN`. */
  readonly tokenSource: string;
}

/** Talks to the HTTP API. Everything that goes wrong is a {@link CliProblem}. */
export class Client {
  constructor(readonly connection: Connection) {}

  /** @param timeoutMs 15 seconds unless told. */
  async get<T>(path: string, query: RequestOptions['query'] = {}, timeoutMs?: number): Promise<T> {
    return (await this.request<T>('GET', path, { query, ...(timeoutMs !== undefined && { timeoutMs }) })).body;
  }

  async post<T>(path: string, options: RequestOptions = {}): Promise<{ readonly status: number; readonly body: T }> {
    return await this.request<T>('POST', path, options);
  }

  async put<T>(path: string, options: RequestOptions = {}): Promise<{ readonly status: number; readonly body: T }> {
    return await this.request<T>('PUT', path, options);
  }

  async patch<T>(path: string, options: RequestOptions = {}): Promise<{ readonly status: number; readonly body: T }> {
    return await this.request<T>('PATCH', path, options);
  }

  async delete<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return (await this.request<T>('DELETE', path, options)).body;
  }

  /** Opens a stream of server-sent events and gives the pieces of its text. @throws CliProblem, also in the middle */
  async stream(path: string, headers: RequestOptions['headers'], signal: AbortSignal): Promise<AsyncIterable<string>> {
    const answer = await this.send('GET', path, { headers: { accept: 'text/event-stream', ...headers } }, signal);
    if (!answer.ok || !answer.body) await this.read(answer);
    return this.pieces(answer.body!, signal);
  }

  private async *pieces(body: NonNullable<Response['body']>, signal: AbortSignal): AsyncGenerator<string> {
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    // fetch holds its signal weakly: after a garbage collection, aborting it would not end a body that is being read.
    const leave = (): void => void reader.cancel().catch(() => undefined);
    signal.addEventListener('abort', leave);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield decoder.decode(value, { stream: true });
      }
    } catch (error) {
      throw this.unreachable(error);
    } finally {
      signal.removeEventListener('abort', leave);
      leave();
    }
  }

  private async request<T>(method: string, path: string, options: RequestOptions = {}) {
    const signal = AbortSignal.timeout(options.timeoutMs ?? ANSWER_MS);
    const answer = await this.send(method, path, options, signal);
    return { status: answer.status, body: await this.read<T>(answer) };
  }

  private async send(method: string, path: string, options: RequestOptions, signal: AbortSignal): Promise<Response> {
    const { query = {}, body, headers } = options;
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
    try {
      return await fetch(`${this.connection.url}${path}${search}`, {
        method,
        signal,
        redirect: 'error', // the token belongs to this address alone
        headers: {
          authorization: this.connection.authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw this.unreachable(error);
    }
  }

  private async read<T>(answer: Response): Promise<T> {
    let document: unknown;
    try {
      const text = await answer.text();
      document = text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw this.unreachable(error);
      throw this.foreign(answer.status);
    }
    if (answer.ok) return document as T;
    const problem = isProblem(document) ? document : wordedProblem(document, answer.status);
    if (!problem) throw this.foreign(answer.status);
    throw new CliProblem(problem, this.hints(problem, answer));
  }

  private hints(document: ProblemDocument, answer: Response): string[] {
    const wait = answer.headers.get('retry-after');
    const run = typeof document['run_id'] === 'string' ? document['run_id'] : undefined;
    const { code } = document;
    const { tokenSource } = this.connection;
    return [
      ...(code === 'UNAUTHENTICATED' || code === 'FORBIDDEN'
        ? [`another token than ${tokenSource}: --token-file FILE`]
        : []),
      ...(code === 'POOL_EMPTY' ? ['gatewright pool'] : []),
      ...(document['needs_attention'] === true ? ['gatewright attention'] : []),
      ...(run !== undefined && code !== 'POOL_EMPTY' ? [`gatewright run ${run}`] : []),
      ...(wait !== null && /^\d+$/.test(wait) ? [`again in ${count(Number(wait), 'second')}`] : []),
    ];
  }

  private foreign(status: number): CliProblem {
    const detail = `${this.connection.url} answered ${status} with something that Gatewright does not say.`;
    return new CliProblem({ title: 'This is not the API of Gatewright', code: 'API_FOREIGN', detail }, [
      'the address of the API: --api URL',
    ]);
  }

  private unreachable(error: unknown): CliProblem {
    const { url } = this.connection;
    const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    if (name === 'AbortError')
      return new CliProblem({ title: 'Interrupted', code: 'INTERRUPTED' }, [], Exit.interrupted);
    const told = cause?.code === undefined ? (cause?.message ?? message) : (reasons[cause.code] ?? cause.code);
    const detail = name === 'TimeoutError' ? `${url} did not answer in time.` : `${url} ${told}.`;
    return new CliProblem({ title: 'The API does not answer', code: 'API_UNREACHABLE', detail }, [
      'npm start                      to start the environment',
      '--api URL --token-file FILE    to name another one',
    ]);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'broke the connection off',
  UND_ERR_SOCKET: 'broke the connection off',
  ENOTFOUND: 'has a host name that nobody knows',
  EAI_AGAIN: 'has a host name that could not be looked up',
  ETIMEDOUT: 'did not answer in time',
  EHOSTUNREACH: 'cannot be reached from here',
};

function isProblem(value: unknown): value is ProblemDocument {
  return typeof value === 'object' && value !== null && typeof (value as { title?: unknown }).title === 'string';
}
