import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** The name under which this process runs steps and holds leases: `host/pid/start`, one process for ever. */
export function workerIdentity(): string {
  return `${hostname()}/${process.pid}/${startTicks(process.pid) ?? Date.now()}`;
}

/**
 * Whether an identity is that of a process of this host which no longer runs. False for other hosts, of which this
 * process cannot tell.
 */
export function isDeadHere(identity: string): boolean {
  const [host, pid, start] = identity.split('/');
  return host === hostname() && startTicks(Number(pid)) !== start;
}

/** When a process started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)). */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
