import { setTimeout as sleep } from 'node:timers/promises';
import { startTime } from '../drivers/host/start-time';
import { isAlive, readJson, writeJson, type ProcessMark } from './home';
import { killGroup } from './process';

/** One process that the environment started. */
export interface RecordedProcess extends ProcessMark {
  readonly name: string;
}

/** Milliseconds that orphans have to end by themselves. */
const GRACE_MS = 5_000;

/** The processes of an environment on disk, for the start that follows a `kill -9`. */
export class ProcessRecord {
  private entries: RecordedProcess[];

  constructor(private readonly file: string) {
    this.entries = readJson<RecordedProcess[]>(file) ?? [];
  }

  /** Notes a process that has just been started. */
  add(name: string, pid: number): void {
    // A process that is gone already needs no ending; its group may.
    this.entries.push({ name, pid, startTime: startTime(pid) ?? '' });
    this.write();
  }

  /** Forgets a process that has ended. */
  remove(pid: number): void {
    this.entries = this.entries.filter((entry) => entry.pid !== pid);
    this.write();
  }

  /**
   * Ends what an earlier start left running. Only the very processes that were recorded are touched: a pid that was
   * reused has another start time.
   * @returns the names of those that were ended.
   */
  async endOrphans(): Promise<string[]> {
    const orphans = this.entries.filter(isAlive);
    for (const { pid } of orphans) signal(pid, 'SIGTERM');
    const deadline = Date.now() + GRACE_MS;
    while (orphans.some(isAlive) && Date.now() < deadline) await sleep(20);
    for (const orphan of orphans) if (isAlive(orphan)) killGroup(orphan.pid);
    while (orphans.some(isAlive)) await sleep(10);
    this.entries = [];
    this.write();
    return orphans.map(({ name }) => name);
  }

  private write(): void {
    writeJson(this.file, this.entries);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
