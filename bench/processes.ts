import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc (USER_HZ, 100 on every Linux that node runs on). */
const TICKS = 100;

/** Milliseconds of CPU that a process, its ended children that it waited for, and its living ones have used. */
export function cpuMs(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + ownCpuMs(each), 0);
}

function ownCpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // utime, stime, cutime, cstime: fields 14 to 17 (proc(5)).
    const times = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15);
    return (times.reduce((sum, time) => sum + Number(time), 0) * 1000) / TICKS;
  } catch {
    return 0; // it has just ended, and its parent counts it
  }
}

/** Megabytes that a process and its descendants hold: resident, and with shared pages divided among those who share them. */
export function memoryMb(pid: number, withChildren = true): { rss: number; pss: number } {
  const sums = [pid, ...(withChildren ? descendantsOf(pid) : [])].map((each) => {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8');
    const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
    return { rss: kb('Rss') / 1024, pss: kb('Pss') / 1024 };
  });
  return { rss: sums.reduce((sum, { rss }) => sum + rss, 0), pss: sums.reduce((sum, { pss }) => sum + pss, 0) };
}

/**
 * The processes whose command line names a path below a directory, as those that watch over the containers of a podman of
 * that directory do: they are nobody's children.
 */
export function namingPath(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.some((word) => word.startsWith(`${directory}/`));
      } catch {
        return false; // it has just ended
      }
    });
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number): number[] {
  const children = new Set<number>();
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
      for (const child of text.split(' ').filter(Boolean)) children.add(Number(child));
    }
  } catch {
    // It has ended meanwhile.
  }
  return [...children];
}

/** Adds up the CPU of components over pieces of work. */
export class CpuMeter {
  private readonly used = new Map<string, number>();

  /** @param pids the pids of the components, by name; asked anew for every piece of work. */
  constructor(private readonly pids: () => Readonly<Record<string, number>>) {}

  /** Runs a piece of work and adds what each component used meanwhile. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const pids = Object.entries(this.pids());
    const before = pids.map(([, pid]) => cpuMs(pid));
    try {
      return await work();
    } finally {
      pids.forEach(([name, pid], i) => this.used.set(name, (this.used.get(name) ?? 0) + cpuMs(pid) - before[i]!));
    }
  }

  /** Milliseconds by component, divided by how many things were done. */
  per(count: number): Record<string, number> {
    return Object.fromEntries([...this.used].map(([name, ms]) => [name, ms / count]));
  }
}
