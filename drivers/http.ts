import { errors, type Dispatcher } from 'undici';

/** One HTTP request to a component, with everything it may cost. */
export interface Exchange {
  /** Whose connections are used; never the global one, which an environment's proxies may have replaced. */
  readonly dispatcher: Dispatcher;
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for the whole exchange, connecting and reading the answer included. */
  readonly timeoutMs: number;
  /** Bytes of an answer's body that are read at most. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** An answer was read completely. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Why there is no answer; `reset` says that the request may have been read. */
export interface Unanswered {
  readonly kind: 'refused' | 'timeout' | 'reset' | 'too-large';
  readonly message: string;
}

/**
 * Sends a request and reads the answer within its time and size; redirects are answers, not followed.
 * @throws the reason of `signal` when that is aborted, and nothing else.
 */
export async function exchange(request: Exchange): Promise<Answered | Unanswered> {
  request.signal?.throwIfAborted();
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  const timer = setTimeout(cancel, request.timeoutMs);
  // Not AbortSignal.any: it keeps every combined signal alive as long as its source, here a worker's.
  request.signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await read(request, controller.signal);
  } catch (error) {
    request.signal?.throwIfAborted();
    if (controller.signal.aborted) return { kind: 'timeout', message: `no answer within ${request.timeoutMs} ms` };
    return unanswered(error as Error & { code?: string });
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', cancel);
  }
}

async function read(request: Exchange, signal: AbortSignal): Promise<Answered | Unanswered> {
  const url = new URL(request.url);
  const { statusCode, headers, body } = await request.dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: request.headers,
    body: request.body,
    signal,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the body and with it the connection.
    if (size > request.limit) return { kind: 'too-large', message: `an answer of more than ${request.limit} bytes` };
    chunks.push(chunk);
  }
  const contentType = headers['content-type'];
  return {
    kind: 'answered',
    status: statusCode,
    contentType: typeof contentType === 'string' ? contentType : '',
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

function unanswered(error: Error & { code?: string }): Unanswered {
  const code = error.code ?? error.name;
  if (
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  )
    return { kind: 'timeout', message: `no answer in time (${code})` };
  if (['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code))
    return { kind: 'refused', message: `the connection was refused (${code})` };
  return { kind: 'reset', message: `the connection broke (${code})` };
}
