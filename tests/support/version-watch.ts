import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../prisma/store';

interface Row {
  readonly resourceVersion: number;
}

/** Looks at rows again and again: whenever one has changed its version must have risen, and it never falls. */
export class VersionWatch {
  /** Every change that was not one. */
  readonly wrong: string[] = [];
  /** How many changes were seen. */
  changes = 0;
  private readonly seen = new Map<string, { version: number; text: string }>();
  private readonly done = new AbortController();
  private loop = Promise.resolve();

  constructor(private readonly store: Store) {}

  start(): void {
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.done.abort();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.done.signal.aborted) {
      // The store may be away for a moment; what changed meanwhile is seen after that.
      await this.look().catch(() => undefined);
      await sleep(100, undefined, { signal: this.done.signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const { pool, edges, journal } = this.store;
    for (const row of await pool.replicas()) this.note(`replica ${row.id}`, row);
    for (const row of await edges.list()) this.note(`edge ${row.name}`, row);
    for (const row of await pool.allocations({ limit: 50 })) this.note(`allocation ${row.id}`, row);
    for (const row of (await journal.runs({ limit: 50 })).runs) this.note(`run ${row.id}`, row);
  }

  private note(name: string, row: Row): void {
    const { resourceVersion: version, ...rest } = row;
    const text = JSON.stringify(rest);
    const before = this.seen.get(name);
    if (before && before.text !== text) this.changes += 1;
    if (before && (version < before.version || (version === before.version && text !== before.text)))
      this.wrong.push(`${name}: version ${before.version} ${before.text}, then ${version} ${text}`);
    this.seen.set(name, { version, text });
  }
}
