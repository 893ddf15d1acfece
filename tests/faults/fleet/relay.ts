import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Gate } from './gate';

/** A call to a cloud. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** What a call would change, and whose it is. */
export interface Effect {
  readonly name: string;
  readonly key: string;
}

/** What a relay knows of the cloud behind it. */
export interface Behind {
  readonly upstream: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  /** What a call changes on the way to a machine; undefined for all others. */
  effectOf(call: Call): Effect | undefined;
  /** Is told of every call that the cloud answered, before its caller is. @returns the answer that the caller gets. */
  answered(call: Call, effect: Effect | undefined, answer: { status: number; body: string }): Promise<string>;
}

/** The way from a worker to a cloud. What has an effect passes the gate before it is sent on and after it had it. */
export class Relay {
  private readonly done = new Set<string>();

  private constructor(
    private readonly server: Server,
    private readonly behind: Behind,
    private readonly gate: Gate,
  ) {}

  static async open(behind: Behind, gate: Gate): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server, behind, gate);
    server.on('request', (request, response) => {
      relay.pass(request, response).catch(() => request.socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Whether a call of that name was carried out for somebody. */
  wasDone({ key, name }: Effect): boolean {
    return this.done.has(`${key} ${name}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await whole(request);
    const call: Call = { method: request.method!, path: request.url!, body: body.toString('latin1') };
    const effect = this.behind.effectOf(call);
    const arrival = effect && { key: effect.key, at: `call ${effect.name}`, pid: 0 };
    if (arrival && (await this.gate.arrive({ ...arrival, when: 'before' })) === 'lost') return;
    const answer = await this.send(request, body);
    if (effect && answer.status < 300) this.done.add(`${effect.key} ${effect.name}`);
    const text = await this.behind.answered(call, effect, { ...answer, body: answer.body.toString('utf8') });
    // One that was refused had no effect to be after.
    if (arrival && answer.status >= 400) this.gate.note({ ...arrival, when: 'after' });
    else if (arrival && (await this.gate.arrive({ ...arrival, when: 'after' })) === 'lost') return;
    const { 'content-length': _, 'transfer-encoding': __, ...headers } = answer.headers;
    response.writeHead(answer.status, headers);
    response.end(answer.status === 204 || answer.status === 304 ? undefined : text);
  }

  private async send(
    { method, url, headers }: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    return await new Promise((resolve, reject) => {
      const onward = forward({ ...this.behind.upstream, method, path: url, headers, agent: false }, (answer) => {
        whole(answer).then(
          (content) => resolve({ status: answer.statusCode!, headers: answer.headers, body: content }),
          reject,
        );
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

async function whole(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
