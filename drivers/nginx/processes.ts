import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One nginx process of an edge, as /proc shows it. */
export interface NginxProcess {
  readonly pid: number;
  readonly parent: number;
  /** `retiring` has closed its listening sockets and finishes what it began; `starting` has not read its signals yet. */
  readonly role: 'master' | 'worker' | 'retiring' | 'starting';
}

/**
 * The nginx processes of one edge, read from /proc. A process is the edge's when it is an nginx that works in the
 * edge's directory (workers inherit the master's working directory) or names it on its command line. A pid from a
 * file alone proves nothing: pids are reused, and SIGHUP ends a process that does not expect it.
 */
export class NginxProcesses {
  constructor(private readonly directory: string) {}

  /** The pid of the running master, from its pid file or, where that is lost, from a look at every process. */
  master(): number | undefined {
    const recorded = this.look(recordedPid(join(this.directory, 'run/nginx.pid')));
    if (recorded?.role === 'master') return recorded.pid;
    const masters = this.all().filter((process) => process.role === 'master');
    // A worker that was forked this moment still bears its master's title.
    return masters.find(({ parent }) => !masters.some(({ pid }) => pid === parent))?.pid;
  }

  /** Every nginx process of the edge. */
  all(): NginxProcess[] {
    const pids = readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry));
    return pids.map((pid) => this.look(Number(pid))).filter((process) => process !== undefined);
  }

  /** The pids of a master's children; empty where the kernel does not tell. */
  children(master: number): Set<number> {
    const list = read(`/proc/${master}/task/${master}/children`) ?? '';
    return new Set(list.split(' ').filter(Boolean).map(Number));
  }

  /**
   * Whether a master has a worker that was not there `before` and accepts connections: a worker takes its title after
   * it has begun to listen, and bears its master's until then.
   */
  ready(master: number, before: ReadonlySet<number>): boolean {
    return [...this.children(master)].some((pid) => !before.has(pid) && role(commandLine(pid) ?? '') === 'worker');
  }

  /** Whether a worker may still accept a connection: neither gone nor shutting down. */
  accepts(worker: number): boolean {
    const title = commandLine(worker);
    return title !== undefined && role(title) !== 'retiring';
  }

  private look(pid: number | undefined): NginxProcess | undefined {
    if (pid === undefined) return undefined;
    const command = commandLine(pid);
    const is = command && role(command);
    if (!is || !this.owns(pid, command)) return undefined;
    return { pid, parent: parentOf(pid) ?? 0, role: is };
  }

  private owns(pid: number, command: string): boolean {
    if (command.includes(`${this.directory}/`)) return true;
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(this.directory);
    } catch {
      return false;
    }
  }
}

function role(command: string): NginxProcess['role'] | undefined {
  if (command.startsWith('nginx: master process')) return 'master';
  if (command.startsWith('nginx: worker process is shutting down')) return 'retiring';
  if (command.startsWith('nginx: ')) return 'worker';
  const [program = '', ...args] = command.split(' ');
  return basename(program) === 'nginx' && !args.includes('-t') ? 'starting' : undefined;
}

/** A command line with its NULs made blanks; undefined for a process that is gone or a zombie. */
function commandLine(pid: number): string | undefined {
  return read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim() || undefined;
}

function parentOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function recordedPid(file: string): number | undefined {
  const match = /^([1-9][0-9]{0,9})\n?$/.exec(read(file) ?? '');
  return match ? Number(match[1]) : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
