import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { Failure, type FailureCode } from '../domain/failures';
import { problem, problemType } from './problem';

/** Milliseconds to send the head, and the whole, of a request: bodies are small, and slow senders hold sockets. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 20_000;

/** Milliseconds that an idle connection is kept: longer than the idle time of common proxies in front. */
const KEEP_ALIVE_MS = 65_000;

/** Milliseconds that requests under way have to be answered once the API closes. */
const DRAIN_MS = 10_000;

/** Errors of the HTTP parser that are not plain bad requests. */
const clientErrors: Readonly<Record<string, readonly [number, string, FailureCode]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'INVALID_INPUT'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'INVALID_INPUT'],
};

/** Serves an application until it is closed. */
export async function listen(
  app: Express,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer({ connectionsCheckingInterval: 1_000 }, app);
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(refusal(error.code ?? ''));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, close: () => drain(server) };
}

/** Takes no new requests, answers those under way, then ends what is left. */
async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

/** What is answered to something that is not HTTP: no handler has seen it. */
function refusal(code: string): string {
  const [status, reason, kind] = clientErrors[code] ?? [400, 'Bad Request', 'INVALID_INPUT' as const];
  const body = JSON.stringify(problem(new Failure(kind, `${reason}.`), randomUUID(), { status }));
  return [
    `HTTP/1.1 ${status} ${reason}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
