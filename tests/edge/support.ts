import { mkdtempSync, rmSync } from 'node:fs';
import type { Agent } from 'node:http';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { network } from '../../domain/address';
import type { Route } from '../../domain/gateway/allocation';
import { Edge, type EdgeTiming } from '../../drivers/nginx/edge';
import { routeLine } from '../../drivers/nginx/config';
import type { EdgeBook } from '../../drivers/nginx/edge-book';
import { Publisher } from '../../drivers/nginx/publisher';
import { Reconciler } from '../../drivers/nginx/reconciler';
import { startNginx } from '../../environment/nginx';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { MemoryBook, MemoryWorld } from './memory-book';

export const networks = [network('127.0.0.0/8')];

/** Waits until `probe` gives something true. */
export async function until<T>(probe: () => T | Promise<T>, ms = 5_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`did not come true within ${ms} ms: ${probe}`);
    await sleep(5);
  }
}

/** An edge in a temporary directory with a real nginx, and a gateway that says what it was asked. */
export class Bench {
  readonly world = new MemoryWorld();
  nginx: Component | undefined;
  private readonly publishers: Publisher[] = [];

  private constructor(
    readonly root: string,
    readonly edge: Edge,
    readonly gateway: string,
    private readonly server: Server,
  ) {}

  static async open(timing: EdgeTiming = {}): Promise<Bench> {
    const root = mkdtempSync(join(tmpdir(), 'gatewright-edge-'));
    const server = createServer((asked, answer) => {
      let bytes = 0;
      asked.on('data', (chunk: Buffer) => (bytes += chunk.length));
      asked.on('end', () => answer.end(JSON.stringify({ url: asked.url, headers: asked.headers, bytes })));
    });
    server.on('upgrade', (asked, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const settings = {
      name: 'one',
      directory: join(root, 'edge'),
      httpAddress: `127.0.0.1:${await freePort()}`,
      nginx: process.env.NGINX ?? '/usr/sbin/nginx',
    };
    return new Bench(root, new Edge(settings, timing), `127.0.0.1:${port}`, server);
  }

  /** Opens one with nginx running. */
  static async started(timing: EdgeTiming = {}): Promise<Bench> {
    const bench = await Bench.open(timing);
    await bench.start();
    return bench;
  }

  async start(): Promise<void> {
    this.nginx = await startNginx(this.edge.settings, { logFile: join(this.root, 'nginx.log') });
  }

  async stop(): Promise<void> {
    await this.nginx?.stop();
    this.nginx = undefined;
  }

  publisher(options: { book?: EdgeBook; edge?: Edge; standByMs?: number } = {}): Publisher {
    const { book = new MemoryBook(this.world, 'a'), edge = this.edge, standByMs } = options;
    const publisher = new Publisher({ edge, book, networks, standByMs });
    this.publishers.push(publisher);
    return publisher;
  }

  reconciler(publisher: Publisher): Reconciler {
    return new Reconciler(publisher, new MemoryBook(this.world, 'watch'));
  }

  /** Asks the edge as a tenant would. */
  async get(host: string, path = '/', options: { headers?: IncomingHttpHeaders; agent?: Agent; body?: Buffer } = {}) {
    return await ask(this.edge.settings.httpAddress, host, path, options);
  }

  async close(): Promise<void> {
    for (const publisher of this.publishers) await publisher.close();
    await this.stop();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

function ask(
  address: string,
  host: string,
  path: string,
  { headers = {}, agent, body }: { headers?: IncomingHttpHeaders; agent?: Agent; body?: Buffer },
): Promise<Answer> {
  const [hostname, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const method = body ? 'POST' : 'GET';
    const asked = request({ hostname, port, path, method, headers: { ...headers, host }, agent: agent ?? false });
    asked.once('error', (error) => reject(Object.assign(error, { reusedSocket: asked.reusedSocket })));
    asked.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, body: text, headers: response.headers }));
      response.on('error', reject);
    });
    asked.end(body);
  });
}

/** Checked lines for hosts that all lead to one address. */
export function lines(hosts: readonly string[], address: string) {
  return hosts.map((hostname) => routeLine({ hostname, address }, networks));
}

export function host(number: number): string {
  return `org-${number}.example.test`;
}

export function desired(number: number, address: string): Route {
  return { allocationId: `a${number}`, hostname: host(number), address, removed: false, revision: number };
}
