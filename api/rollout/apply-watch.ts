import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ApplyEvent } from '../../domain/rollout/apply';
import type { Applies } from '../../prisma/apply-store';

/** Milliseconds between two looks while somebody listens: people do not see less, and tests of what they see wait for it. */
const LOOK_MS = 50;

/** Milliseconds after which somebody who waits hears that there was nothing. */
const AT_MOST_MS = 1_000;

/** How many events are read at once. */
const PAGE = 500;

/** Somebody who waits for events of one apply. */
interface Listener {
  readonly organizationId: string;
  readonly applyId: string;
  /** The last event that he has. */
  readonly after: number;
  readonly until: number;
  hear(events: readonly ApplyEvent[]): void;
}

/**
 * The one reader of applies' events of a process: it looks for each apply once, however many listen to it, and not at all
 * while nobody does. The events of one apply are committed in their order, so that none is skipped.
 */
export class ApplyWatch {
  private readonly listeners = new Set<Listener>();
  private reading = false;

  constructor(
    private readonly applies: Pick<Applies, 'events'>,
    private readonly log: Logger,
  ) {}

  /**
   * Waits for the events of an apply after one, oldest first.
   * @returns none when there was nothing for a second, or when `signal` is aborted.
   */
  async after(
    { organizationId, id }: { readonly organizationId: string; readonly id: string },
    seq: number,
    signal: AbortSignal,
  ): Promise<readonly ApplyEvent[]> {
    if (signal.aborted) return [];
    return await new Promise((resolve) => {
      const end = (events: readonly ApplyEvent[]): void => {
        signal.removeEventListener('abort', leave);
        this.listeners.delete(listener);
        resolve(events);
      };
      const leave = (): void => end([]);
      const listener = { organizationId, applyId: id, after: seq, until: Date.now() + AT_MOST_MS, hear: end };
      signal.addEventListener('abort', leave);
      this.listeners.add(listener);
      if (!this.reading) void this.read();
    });
  }

  private async read(): Promise<void> {
    this.reading = true;
    while (this.listeners.size > 0) {
      await this.look();
      // Whoever has heard something comes back within this time, and the looks keep their distance.
      await sleep(LOOK_MS);
    }
    this.reading = false;
  }

  private async look(): Promise<void> {
    const byApply = new Map<string, Listener[]>();
    for (const listener of this.listeners)
      byApply.set(listener.applyId, [...(byApply.get(listener.applyId) ?? []), listener]);
    await Promise.all([...byApply.values()].map((listeners) => this.lookFor(listeners)));
  }

  private async lookFor(listeners: readonly Listener[]): Promise<void> {
    const { organizationId, applyId } = listeners[0]!;
    const from = Math.min(...listeners.map(({ after }) => after));
    try {
      const events = await this.applies.events(organizationId, from, applyId, PAGE);
      for (const listener of listeners) {
        const own = events.filter(({ seq }) => seq > listener.after);
        if (own.length > 0 || Date.now() > listener.until) listener.hear(own);
      }
    } catch (error) {
      this.log.warn({ err: error }, 'could not read the events of a rollout');
      for (const listener of listeners) if (Date.now() > listener.until) listener.hear([]);
    }
  }
}
