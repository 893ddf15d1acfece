import { setTimeout as sleep } from 'node:timers/promises';
import { Refused, type Table } from './table';

/** Ids of rows that writers make: each has ten millions of his own. */
const OWN_FROM = 100_000_000;
const OWN = 10_000_000;

/** Rows of his own that a writer changes again. */
const MOST_LIVE = 2_000;

interface WriterSpec {
  /** Which writer this is, from 0. */
  readonly n: number;
  readonly count: number;
  readonly rows: number;
  /** Of all writers together. */
  readonly writesPerSecond: number;
}

/**
 * One session of users that writes at an even pace, whatever the answers take: what is late because the one before was held
 * up counts from when it was due. Its rows are nobody else's.
 */
export class Writer {
  /** What its rows must be; null for those that are gone. */
  readonly rows = new Map<number, string | null>();
  /** Writes that hit no row though there is one. */
  readonly missed: string[] = [];
  private live: number[] = [];
  private made = 0;
  private writes = 0;
  private latencies: number[] = [];
  private refused = 0;
  private stopped = false;

  constructor(
    private readonly table: Table,
    private readonly spec: WriterSpec,
  ) {}

  stop(): void {
    this.stopped = true;
  }

  take(): { readonly latencies: number[]; readonly refused: number } {
    const taken = { latencies: this.latencies, refused: this.refused };
    [this.latencies, this.refused] = [[], 0];
    return taken;
  }

  async run(): Promise<void> {
    const everyMs = (1_000 * this.spec.count) / this.spec.writesPerSecond;
    let due = performance.now() + Math.random() * everyMs;
    let free = due;
    while (!this.stopped) {
      const early = due - performance.now();
      if (early > 0.5) await sleep(early);
      // A timer that comes late is not the server's.
      const from = free > due ? due : performance.now();
      await this.write();
      free = performance.now();
      this.latencies.push(free - from);
      due += everyMs;
    }
    this.table.close();
  }

  private async write(): Promise<void> {
    const value = `w${this.spec.n}-${++this.writes}`;
    try {
      await this.act(value, Math.random());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refused++;
    }
  }

  private async act(value: string, dice: number): Promise<void> {
    const id = dice < 0.55 && dice > 0.2 ? this.begun() : this.live[Math.floor(Math.random() * this.live.length)];
    if (id === undefined || dice > 0.75) {
      const own = this.ownId();
      await this.table.insert(own, value);
      this.know(own, value);
    } else if (dice < 0.55) {
      if ((await this.table.update(id, value)) !== 1) this.missed.push(`the update of ${id} hit nothing`);
      this.know(id, value);
    } else if (dice < 0.68) {
      if ((await this.table.delete(id)) !== 1) this.missed.push(`the deletion of ${id} hit nothing`);
      this.know(id, null);
    } else {
      const to = this.ownId();
      if ((await this.table.move(id, to)) !== 1) this.missed.push(`the move of ${id} hit nothing`);
      this.know(to, this.rows.get(id)!);
      this.know(id, null);
    }
  }

  /** One of the rows that were there before, of those that are this writer's. */
  private begun(): number | undefined {
    const { n, count, rows } = this.spec;
    const id = 1 + n + count * Math.floor(Math.random() * Math.floor(rows / count));
    return this.rows.get(id) === null ? undefined : id;
  }

  private ownId(): number {
    return OWN_FROM + this.spec.n * OWN + ++this.made;
  }

  private know(id: number, value: string | null): void {
    if (value === null) this.live = this.live.filter((other) => other !== id);
    else if (typeof this.rows.get(id) !== 'string') this.live.push(id);
    if (this.live.length > MOST_LIVE) this.live = this.live.slice(-MOST_LIVE / 2);
    this.rows.set(id, value);
  }
}
