import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Failure, isFailure } from '../../domain/failures';
import { checkChange, isDone, planChange, type Change } from './ownership';
import type { RRset, RRsetChange } from './powerdns';

/** The zone as the writer sees it; {@link PowerDnsZone} is one. */
export interface WritableZone {
  /** Without a trailing dot. */
  readonly name: string;
  read(names: readonly string[]): Promise<Map<string, RRset[]>>;
  patch(changes: readonly RRsetChange[], timeoutMs?: number): Promise<void>;
}

export interface ZoneWriterOptions {
  /** Seconds, of every record. */
  readonly ttl: number;
  /** Keeps other processes' writers of the same zone out while `work` runs; is asked once for each batch. */
  readonly exclusive?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Milliseconds until a caller is told that the server does not answer; 5,000 unless told. */
  readonly deadlineMs?: number;
  /** Milliseconds that an unanswered PATCH keeps the next one waiting; 30,000 unless told. */
  readonly settleMs?: number;
}

interface Pending {
  readonly change: Change;
  readonly guard: (() => Promise<void>) | undefined;
  /** Whether the caller has its answer. */
  over: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
interface Planned {
  readonly pending: Pending;
  readonly sets: readonly RRsetChange[];
}

/** Keeps a PATCH below 100 kB; PowerDNS takes 2 MB. */
const BATCH = 200;
/** SQLite answers 500 while somebody else writes (PowerDNS/pdns#14564), which is over in milliseconds. */
const LOCKED_ATTEMPTS = 5;

/**
 * The one writer of a zone in this process: gathers the changes that are waiting into one PATCH, has one in flight at a
 * time, and reads back what it wrote. PowerDNS has no conditional writes, and two PATCHes at once fail (SQLite) or leave
 * several records (PostgreSQL); so whoever decides and writes must be alone.
 */
export class ZoneWriter {
  /** What was sent, for metrics: PATCHes, and the changes they carried. */
  readonly sent = { patches: 0, changes: 0 };
  private readonly waiting: Pending[] = [];
  private draining = false;

  constructor(
    private readonly zone: WritableZone,
    private readonly options: ZoneWriterOptions,
  ) {}

  /**
   * Gives a name an address and an owner; a repeat by the same owner changes nothing.
   * @param guard runs while no other writer can, just before the write; what it throws is thrown, and nothing is
   * written. It is where a late attempt finds out that its allocation is over.
   * @throws Failure INVALID_INPUT, ADDRESS_REFUSED before any call; DNS_OWNED_BY_ANOTHER, DNS_REFUSED, DNS_UNAVAILABLE,
   * DNS_NOT_VISIBLE.
   */
  async register(record: { hostname: string; ip: string; owner: string }, guard?: () => Promise<void>): Promise<void> {
    await this.submit({ kind: 'register', hostname: record.hostname, ip: record.ip, owner: record.owner }, guard);
  }

  /**
   * Takes a name's records away if they are the owner's; an absent name and one of another owner are left as they are.
   * @throws Failure INVALID_INPUT before any call; DNS_REFUSED, DNS_UNAVAILABLE, DNS_NOT_VISIBLE.
   */
  async remove(record: { hostname: string; owner: string }): Promise<void> {
    await this.submit({ kind: 'remove', hostname: record.hostname, owner: record.owner });
  }

  private async submit(change: Change, guard?: () => Promise<void>): Promise<void> {
    checkChange(change, this.zone.name);
    const deadlineMs = this.options.deadlineMs ?? 5_000;
    await new Promise<void>((resolve, reject) => {
      const late = (): void =>
        pending.reject(new Failure('DNS_UNAVAILABLE', `PowerDNS did not answer within ${deadlineMs} ms`));
      const timer = setTimeout(late, deadlineMs);
      const answer = (tell: () => void): void => {
        clearTimeout(timer);
        pending.over = true;
        tell();
      };
      const pending: Pending = {
        change,
        guard,
        over: false,
        resolve: () => answer(resolve),
        reject: (error) => answer(() => reject(error as Error)),
      };
      this.waiting.push(pending);
      void this.drain();
    });
  }

  private async drain(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    const exclusive = this.options.exclusive ?? (async (work) => await work());
    while (this.waiting.length > 0) {
      let batch: Pending[] | undefined;
      await nextTurn(); // whoever asks in this turn comes along
      try {
        await exclusive(async () => {
          batch = this.take();
          await this.carryOut(batch);
        });
      } catch (error) {
        for (const pending of batch ?? this.waiting.splice(0)) pending.reject(error);
      }
    }
    this.draining = false;
  }

  /** The first change of each name; a later one of the same name waits for the next batch, so that order is kept. */
  private take(): Pending[] {
    const batch = new Map<string, Pending>();
    const left: Pending[] = [];
    for (const pending of this.waiting.splice(0)) {
      if (pending.over) continue;
      if (batch.size < BATCH && !batch.has(pending.change.hostname)) batch.set(pending.change.hostname, pending);
      else left.push(pending);
    }
    this.waiting.push(...left);
    return [...batch.values()];
  }

  private async carryOut(batch: readonly Pending[]): Promise<void> {
    if (batch.length === 0) return;
    const present = await this.zone.read(batch.map(({ change }) => change.hostname));
    const planned = await Promise.all(batch.map(async (pending) => await this.plan(pending, present)));
    // Nothing is written for a caller who was told that it failed.
    await this.write(planned.filter((one) => one !== undefined && !one.pending.over) as Planned[]);
  }

  private async plan(pending: Pending, present: ReadonlyMap<string, RRset[]>): Promise<Planned | undefined> {
    try {
      await pending.guard?.();
      const sets = planChange(pending.change, present.get(pending.change.hostname) ?? [], this.options.ttl);
      if (sets.length > 0) return { pending, sets };
      pending.resolve();
    } catch (error) {
      pending.reject(error);
    }
    return undefined;
  }

  /** A PATCH is all or nothing: of one that is refused for its content, the halves are tried, until the culprit fails alone. */
  private async write(planned: readonly Planned[]): Promise<void> {
    if (planned.length === 0) return;
    try {
      await this.patch(planned.flatMap(({ sets }) => sets));
    } catch (error) {
      if (planned.length > 1 && isFailure(error) && error.data['status'] === 422) {
        const middle = Math.ceil(planned.length / 2);
        await this.write(planned.slice(0, middle));
        return await this.write(planned.slice(middle));
      }
      return planned.forEach(({ pending }) => pending.reject(error));
    }
    this.sent.changes += planned.length;
    await this.readBack(planned);
  }

  private async readBack(planned: readonly Planned[]): Promise<void> {
    const present = await this.zone.read(planned.map(({ pending }) => pending.change.hostname));
    for (const { pending } of planned) {
      const { change } = pending;
      if (isDone(change, present.get(change.hostname) ?? [], this.options.ttl)) pending.resolve();
      else pending.reject(new Failure('DNS_NOT_VISIBLE', `${change.hostname} is not as it was written a moment ago`));
    }
  }

  /**
   * An unanswered PATCH may still happen, as in a server that was only held up. Its callers are told in time, but it is
   * waited for much longer before the next one, which could otherwise be overtaken by it.
   */
  private async patch(sets: readonly RRsetChange[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.sent.patches++;
        return await this.zone.patch(sets, this.options.settleMs ?? 30_000);
      } catch (error) {
        if (!isFailure(error) || error.data['status'] !== 500 || attempt === LOCKED_ATTEMPTS) throw error;
        await sleep(attempt * (10 + Math.random() * 20));
      }
    }
  }
}
