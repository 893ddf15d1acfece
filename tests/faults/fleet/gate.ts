import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A moment in the making of a replica. */
export interface Point {
  /**
   * `provision NAME` and `retire NAME`: a step of that run; `call NAME`: a call that changes something in the cloud;
   * `script NAME`: a script on the machine.
   */
  readonly at: string;
  /** Whether it has had its effect by then. */
  readonly when: 'before' | 'after';
}

/** Somebody at a {@link Point}. */
export interface Arrival extends Point {
  /** Whose replica it is: each organization of these tests has one. */
  readonly key: string;
  /** The process that is there. */
  readonly pid: number;
}

/** How one that was held goes on: `lost` is what a call becomes that never left, or whose answer nobody waits for. */
export type Release = 'go' | 'lost';

interface Held {
  readonly arrival: Arrival;
  readonly go: (how: Release) => void;
}

/**
 * Where everything passes that makes a replica: steps in the worker, calls to the cloud, scripts on the machine. It
 * holds, for each replica, whoever comes first to the point that is set for it, and remembers who passed.
 */
export class Gate {
  private readonly points = new Map<string, Point>();
  private readonly waiting = new Map<string, Held>();
  private readonly sockets = new Set<Socket>();
  readonly passed: Arrival[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server);
    server.on('connection', (socket) => gate.answer(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Holds the next one who comes to this point for this replica. */
  set(key: string, point: Point): void {
    this.points.set(key, point);
  }

  /** Who is held for a replica. */
  held(key: string): Arrival | undefined {
    return this.waiting.get(key)?.arrival;
  }

  /** How often a replica's point was passed, or come to and never left. */
  count(key: string, { at, when }: Point): number {
    const all = [...this.passed, ...[...this.waiting.values()].map(({ arrival }) => arrival)];
    return all.filter((one) => one.key === key && one.at === at && one.when === when).length;
  }

  /** Lets go of whoever is held for these replicas, and holds nobody for them who comes now. */
  release(keys: readonly string[], how: (held: Arrival) => Release = () => 'go'): void {
    for (const key of keys) {
      this.points.delete(key);
      const held = this.waiting.get(key);
      this.waiting.delete(key);
      held?.go(how(held.arrival));
    }
  }

  /** Remembers who was at a point and is not held there. */
  note(arrival: Arrival): void {
    this.passed.push(arrival);
  }

  /** Comes to a point, and waits there if it is the one. @returns how to go on. */
  async arrive(arrival: Arrival): Promise<Release> {
    const { key, at, when } = arrival;
    const point = this.points.get(key);
    if (point?.at !== at || point.when !== when) {
      this.passed.push(arrival);
      return 'go';
    }
    this.points.delete(key);
    const how = await new Promise<Release>((go) => this.waiting.set(key, { arrival, go }));
    this.passed.push(arrival);
    return how;
  }

  async close(): Promise<void> {
    this.release([...this.waiting.keys()], () => 'lost');
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    createInterface(socket)
      .on('line', (line) => {
        const [key, when, pid, ...at] = line.split(' ');
        const arrival = { key: key!, when: when as Point['when'], pid: Number(pid), at: at.join(' ') };
        void this.arrive(arrival).then((how) => socket.writable && socket.end(`${how}\n`));
      })
      .on('error', () => undefined); // whoever asked was killed
  }
}

/** Comes to a point of a gate in another process, and waits there if it is the one. @throws Error when it is gone. */
export async function passGate(port: number, { key, when, pid, at }: Arrival): Promise<void> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.write(`${[key, when, pid, at].join(' ')}\n`);
  for await (const line of createInterface(socket)) if (line === 'go') return;
  throw new Error('the gate is gone');
}

/** Shell code by which a script of a machine comes to a point and waits there; its `$key` says whose it is. */
export function passGateInShell(port: number, { at, when }: Point): string {
  const connect = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf "%s\\n" "$0" >&3 && read -r how <&3 && [ "$how" = go ]`;
  return `bash -c '${connect}' "$key ${when} $$ ${at}" || exit 9`;
}
