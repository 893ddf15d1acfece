import { hostname } from 'node:os';
import { startTime } from '../drivers/host/start-time';

/** The name under which this process runs steps and holds leases: `host/pid/start`, one process for ever. */
export function workerIdentity(): string {
  return `${hostname()}/${process.pid}/${startTime(process.pid) ?? Date.now()}`;
}

/**
 * Whether an identity is that of a process of this host which no longer runs. False for other hosts, of which this
 * process cannot tell.
 */
export function isDeadHere(identity: string): boolean {
  const [host, pid, start] = identity.split('/');
  return host === hostname() && startTime(Number(pid)) !== start;
}
