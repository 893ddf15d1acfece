import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { webhookEvent } from '../../domain/webhook-event';
import type { Store } from '../../prisma/store';
import type { JournalWatch } from '../journal-watch';
import type { Seal } from './secret';
import type { Sender } from './send';

/** Attempts of a delivery: with the waits below, over about ten and a half hours. */
export const MAX_ATTEMPTS = 10;

/** Milliseconds before the second attempt; three times as many before each later one, at most six hours. */
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 6 * 60 * 60 * 1000;

/** Milliseconds that a process has a delivery to itself: longer than an attempt can last. */
const LEASE_MS = 30_000;

/** Deliveries under way at once. */
const AT_ONCE = 20;

/** Milliseconds between rounds at least. */
const GATHER_MS = 200;

const PAGE = 500;

/** How long to wait after a number of attempts that failed, in milliseconds; undefined when it is given up. */
export function backoff(attempts: number, random: () => number = Math.random): number | undefined {
  if (attempts >= MAX_ATTEMPTS) return undefined;
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 3 ** (attempts - 1));
  return Math.round(wait * (0.8 + 0.4 * random()));
}

/** What the dispatcher works with. */
export interface DispatcherParts {
  readonly store: Store;
  readonly watch: JournalWatch;
  readonly sender: Sender;
  readonly seal: Seal;
  readonly log: Logger;
  readonly now: () => Date;
}

/**
 * Plans a delivery for every event of the journal and every webhook that wants it, and sends what is due. Any number
 * of processes may do so at once; a delivery is made at least once.
 */
export class Dispatcher {
  private readonly stop = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  /** Up to where this process has seen that nothing is to be planned. */
  private scanned = 0;

  constructor(private readonly parts: DispatcherParts) {}

  start(): void {
    this.loop = this.run();
  }

  /** Waits for the deliveries under way. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.loop;
  }

  /** One round: plans, then sends what is due. */
  async round(): Promise<void> {
    while (await this.plan());
    const due = await this.parts.store.webhooks.takeDue(AT_ONCE, LEASE_MS);
    await Promise.all(due.map((delivery) => this.deliver(delivery)));
    if (due.length === AT_ONCE && !this.stop.signal.aborted) await this.round();
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        await this.round();
      } catch (error) {
        this.parts.log.warn({ err: error }, 'webhooks wait: the store does not answer');
      }
      await this.parts.watch.changed(this.stop.signal);
      // What comes close together is one round: the journal may grow many times a second.
      await sleep(GATHER_MS, undefined, { signal: this.stop.signal }).catch(() => undefined);
    }
  }

  /** @returns whether there may be more to plan. */
  private async plan(): Promise<boolean> {
    const { store } = this.parts;
    const from = Math.max(this.scanned, await store.webhooks.planned());
    const entries = await store.journal.after(from, { limit: PAGE });
    const last = entries.at(-1);
    if (!last) return false;
    // What nobody is told of is passed over without a write, unless a restart would have much to read again.
    if (entries.some(webhookEvent) || entries.length === PAGE) await store.webhooks.plan(entries, last.seq);
    this.scanned = last.seq;
    return entries.length === PAGE;
  }

  private async deliver(delivery: Awaited<ReturnType<Store['webhooks']['takeDue']>>[number]): Promise<void> {
    const { store, sender, seal, log, now } = this.parts;
    const { webhook } = delivery;
    const result = await Promise.resolve()
      .then(() => sender.send(webhook.url, seal.open(webhook.secret, webhook.id), delivery, now()))
      .catch((error: unknown) => {
        log.error({ err: error, webhook: webhook.id }, 'the secret of a webhook cannot be opened');
        return {
          delivered: false,
          status: null,
          error: 'the signing secret cannot be opened; register the webhook again',
        };
      });
    const wait = result.delivered ? undefined : backoff(delivery.attempts + 1);
    const nextAttemptAt = wait === undefined ? null : new Date(now().getTime() + wait);
    await store.webhooks.recordAttempt(delivery.id, { ...result, nextAttemptAt });
  }
}
