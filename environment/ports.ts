import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { ComponentFailed } from './process';

/**
 * Where free ports are looked for: above what daemons have by custom and below what Linux gives to outgoing connections
 * (`net.ipv4.ip_local_port_range`), one of which would otherwise sit on the port of a component that is restarted.
 */
const RANGE = { first: 10_000, end: 32_768 } as const;

/** How many ports a process has to itself: 64 processes that were started one after another have ports of their own. */
const SHARE = Math.floor((RANGE.end - RANGE.first) / 64);

/**
 * Where this process looks. Two processes that look at once look in different places: one of them would otherwise, now
 * and then, be given the port that the other's component is about to listen on, or is restarted on.
 */
const first = RANGE.first + (process.pid % 64) * SHARE;

const handedOut = new Set<number>();

/** A TCP port that nothing listens on, and that this process was not given before. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = first + randomInt(SHARE);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    const free = await listen(host, port).then(
      () => true,
      () => false,
    );
    if (free) return port;
  }
  throw new ComponentFailed(`no port of ${host} between ${first} and ${first + SHARE} can be listened on`);
}

/**
 * Makes sure that a component will be able to listen.
 * @throws ComponentFailed naming the component and the port.
 */
export async function requireFree(component: string, host: string, port: number): Promise<void> {
  await listen(host, port).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${error.code})`;
    throw new ComponentFailed(`${component}: ${host}:${port} ${why}`);
  });
}

async function listen(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => server.close(() => resolve()));
  });
}
