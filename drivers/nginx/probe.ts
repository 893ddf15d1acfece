import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { connect } from 'node:net';

/**
 * Runs a program without a shell and with nothing of this process's environment but PATH.
 * @param timeout - milliseconds until it is killed.
 * @returns its output, and an error when it did not start or did not exit with 0.
 */
export function run(
  program: string,
  args: readonly string[],
  cwd: string,
  timeout: number,
): Promise<{ error: Error | null; output: string }> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd, timeout, env: { PATH: process.env.PATH }, killSignal: 'SIGKILL', encoding: 'utf8' },
      (error, stdout, stderr) => resolve({ error, output: `${stdout}${stderr}` }),
    );
  });
}

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
