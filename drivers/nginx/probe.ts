import { request } from 'node:http';
import { connect } from 'node:net';

/** Whether anything accepts connections at `ip:port`; no answer at all counts as something. */
export function accepts(address: string, timeoutMs: number): Promise<boolean> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => done(true));
    socket.once('connect', () => done(true));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code !== 'ECONNREFUSED'));
  });
}

/**
 * The status that `ip:port` answers for a host and path, on a connection of its own.
 * @throws Error without an answer in time.
 */
export function statusOf(address: string, host: string, path: string, timeoutMs: number): Promise<number | undefined> {
  const [hostname, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers: { host }, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', reject);
    asked.end();
  });
}
