import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody on the other side: answers every request the same and keeps what it was told. */
export class Listener {
  readonly heard: string[] = [];
  answer = { status: 200, body: '{}' };

  private constructor(private readonly server: Server) {}

  static async on(ip: string): Promise<Listener> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        listener.heard.push(body);
        response.writeHead(listener.answer.status, { 'content-type': 'application/json' }).end(listener.answer.body);
      });
    });
    const listener = new Listener(server);
    await new Promise<void>((resolve) => server.listen(0, ip, resolve));
    return listener;
  }

  /** `ip:port` */
  get address(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }
}
