import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startTime } from '../drivers/host/start-time';
import { ComponentFailed } from './process';

/** Names one process, whatever pids are reused (see {@link startTime}). */
export interface ProcessMark {
  readonly pid: number;
  readonly startTime: string;
}

/** The directory of one environment: its data, secrets, logs and the record of what runs. */
export class Home {
  private constructor(readonly directory: string) {}

  /** Makes the directory, readable by its owner only, where there is none. */
  static open(directory: string): Home {
    const home = new Home(resolve(directory));
    for (const part of ['', 'run', 'logs', 'secrets', 'agents'])
      mkdirSync(join(home.directory, part), { recursive: true, mode: 0o700 });
    return home;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  logFile(component: string): string {
    return this.path('logs', `${component}.log`);
  }

  /** Where secret files are; see drivers/secrets/files.ts. */
  get secrets(): string {
    return this.path('secrets');
  }

  get tokenFile(): string {
    return this.path('admin-token');
  }

  /**
   * Makes this process the one that runs this home.
   * @throws ComponentFailed naming the pid of another one that is alive.
   */
  take(): void {
    const file = this.path('run', 'up.json');
    const mine = JSON.stringify({ pid: process.pid, startTime: startTime(process.pid) });
    for (;;) {
      try {
        writeFileSync(file, mine, { flag: 'wx' });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const other = readJson<ProcessMark>(file);
      if (other && isAlive(other))
        throw new ComponentFailed(
          `an environment already runs in ${this.directory} (pid ${other.pid}); end it, or choose another with --home`,
        );
      rmSync(file, { force: true });
    }
  }

  /** Gives the home back. */
  leave(): void {
    rmSync(this.path('run', 'up.json'), { force: true });
  }
}

/** Whether the very process that was marked still runs; a zombie does not. */
export function isAlive(mark: ProcessMark): boolean {
  return startTime(mark.pid) === mark.startTime;
}

/** Reads a JSON file; undefined when it is absent or broken off. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Writes a JSON file so that a reader, or a start after a kill, sees the old one or the new one. */
export function writeJson(file: string, value: unknown, mode = 0o600): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode });
  renameSync(draft, file);
}
