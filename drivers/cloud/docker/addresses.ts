import { createHash } from 'node:crypto';
import { createConnection } from 'node:net';
import { Failure } from '../../../domain/failures';
import type { Network } from '../../../domain/address';

/** Addresses that are tried for one machine. */
const TRIES = 16;
const PROBE_MS = 500;

/**
 * An address for a new machine's sshd, on the network of the engine's host. Where it is looked for follows from the
 * token: two machines made at the same time hardly ever get the same one of a large network, and where they do, the
 * second one's sshd cannot listen and the container ends, so that it is replaced rather than mixed up.
 * @throws Failure CLOUD_CAPACITY when every one that was tried is in use.
 */
export async function freeAddress(network: Network, port: number, token: string): Promise<string> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const ip = candidate(network, token, attempt);
    if (await isFree(ip, port)) return ip;
  }
  throw new Failure('CLOUD_CAPACITY', `${TRIES} addresses were tried and port ${port} is in use on all of them`);
}

/** The `attempt`th address of a token: neither the first of the network nor the last. */
export function candidate({ base, bits }: Network, token: string, attempt: number): string {
  const size = 2 ** (32 - bits);
  const hash = createHash('sha256').update(`${token} ${attempt}`).digest().readUInt32BE(0);
  const number = Math.floor(base / size) * size + 1 + (hash % (size - 2));
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: PROBE_MS });
    const end = (free: boolean): void => {
      socket.destroy();
      resolve(free);
    };
    socket.once('connect', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
  });
}
