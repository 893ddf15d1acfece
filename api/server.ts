import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
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

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Milliseconds to send the head of a request; 10 seconds unless told. */
  readonly headersMs?: number;
}

/** Serves an application until it is closed. */
export async function listen(
  app: Express,
  { host, port, headersMs = HEADERS_MS }: ListenOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer({ connectionsCheckingInterval: Math.min(1_000, headersMs) }, app);
  server.headersTimeout = headersMs;
  server.requestTimeout = REQUEST_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const connections = new Connections(server);
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
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, close: () => drain(server, connections) };
}

/** Takes no new requests, answers those under way, then ends what is left. */
async function drain(server: Server, connections: Connections): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  connections.endIdle();
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(late);
}

/** The open connections; Node counts one that has not sent anything yet as busy until its head is late. */
class Connections {
  private readonly requests = new Map<Socket, number>();
  private ending = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.requests.set(socket, 0);
      socket.once('close', () => this.requests.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
      this.count(socket, 1);
      res.once('close', () => this.count(socket, -1));
    });
  }

  /** Ends every connection without a request now, and the others after their answer. */
  endIdle(): void {
    this.ending = true;
    for (const [socket, under] of this.requests) if (under === 0) socket.destroy();
  }

  private count(socket: Socket, change: 1 | -1): void {
    const under = (this.requests.get(socket) ?? 0) + change;
    if (!socket.destroyed) this.requests.set(socket, under);
    if (this.ending && under === 0) socket.end();
  }
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
