import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/**
 * A way to a host that can fall silent: nothing passes any more, in either direction, and nobody is told, not even that
 * the other side has gone. New connections are opened and stay as silent. When it is mended, what waited passes, and
 * those whose other side has gone hear of it, as with TCP's own repetitions.
 */
export class SilentProxy {
  private readonly pairs = new Set<Pair>();
  private silent = false;
  private bytesBefore = 0;

  private constructor(
    private readonly server: Server,
    private readonly upstream: { readonly host: string; readonly port: number },
  ) {}

  /** Listens on an address, on a free port unless told. */
  static async open(upstream: { host: string; port: number }, ip: string, port = 0): Promise<SilentProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new SilentProxy(server, upstream);
    server.on('connection', (near) => proxy.join(near));
    server.listen(port, ip);
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Bytes that came from the host so far. */
  get bytes(): number {
    return [...this.pairs].reduce((sum, { far }) => sum + far.bytesRead, this.bytesBefore);
  }

  fallSilent(): void {
    this.silent = true;
    for (const pair of this.pairs) mute(pair);
  }

  /** The same, but those who are connected hear of it. */
  cut(): void {
    this.silent = true;
    for (const { near, far } of this.pairs) [near, far].forEach((socket) => socket.destroy());
    this.pairs.clear();
  }

  mend(): void {
    this.silent = false;
    for (const pair of this.pairs) this.speak(pair);
  }

  close(): void {
    for (const { near, far } of this.pairs) [near, far].forEach((socket) => socket.destroy());
    this.server.close();
  }

  private join(near: Socket): void {
    const pair: Pair = { near, far: connect({ ...this.upstream, allowHalfOpen: true }) };
    this.pairs.add(pair);
    for (const socket of [pair.near, pair.far])
      socket.on('error', () => undefined).on('close', () => !this.silent && this.part(pair));
    if (this.silent) mute(pair);
    else this.speak(pair);
  }

  private speak(pair: Pair): void {
    if (pair.near.destroyed || pair.far.destroyed) return this.part(pair);
    pair.near.pipe(pair.far);
    pair.far.pipe(pair.near);
  }

  private part(pair: Pair): void {
    if (this.pairs.delete(pair)) this.bytesBefore += pair.far.bytesRead;
    pair.near.destroy();
    pair.far.destroy();
  }
}

function mute({ near, far }: Pair): void {
  for (const socket of [near, far]) socket.unpipe().pause();
}
