import type { Logger } from 'pino';
import type { Settings } from '../domain/settings';
import type { Store } from '../prisma/store';
import { createApp } from './app';
import type { Engine } from './engine';
import { FleetCommands } from './fleet/commands';
import { Teller } from './fleet/teller';
import { JournalWatch } from './journal-watch';
import { limits as defaults, type Limits } from './limits';
import { Metrics } from './metrics';
import { Caretaker } from './planetscale/caretaker';
import { listen } from './server';
import { ApplyWatch } from './rollout/apply-watch';
import { Streams } from './streams';
import { Dispatcher } from './webhooks/dispatcher';
import { Seal } from './webhooks/secret';
import { Sender } from './webhooks/send';
import { Targets } from './webhooks/target';

/** What an API is made of. */
export interface ServiceParts {
  readonly store: Store;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now?: () => Date;
  /** Bounds that differ from the usual ones. */
  readonly limits?: Partial<Limits>;
}

/** A running API. */
export interface Service {
  /** As in `http://127.0.0.1:7400`, without a trailing slash. */
  readonly url: string;
  /** Answers the requests under way, 202 to those that wait for a run, and stops. */
  close(): Promise<void>;
}

/** Milliseconds between removals of Idempotency-Keys that nobody can use any more. */
const PRUNE_EVERY_MS = 10 * 60_000;

/** Starts to serve, to watch the journal and to send webhooks. Store and engine stay the caller's. */
export async function startService({ store, engine, settings, log, ...rest }: ServiceParts): Promise<Service> {
  const now = rest.now ?? ((): Date => new Date());
  const limits = { ...defaults, ...rest.limits };
  const closing = new AbortController();
  const watch = new JournalWatch(store.journal, log, limits.pollMs);
  const metrics = new Metrics(store, now);
  const targets = new Targets(settings.webhookNetworks);
  const seal = new Seal(settings.secretsDirectory);
  const sender = new Sender(targets);
  const dispatcher = new Dispatcher({ store, watch, sender, seal, log, now });
  const teller = new Teller(engine, settings, log, closing.signal);
  const app = createApp({
    ...{ store, engine, settings, limits, watch, metrics, targets, seal, log, now },
    applyWatch: new ApplyWatch(store.rollouts.applies, log),
    fleet: new FleetCommands(store, settings, teller),
    streams: new Streams(limits),
    closing: closing.signal,
  });
  watch.listen((entry) => {
    metrics.observe(entry).catch((error: unknown) => log.warn({ err: error }, 'could not measure a run'));
  });
  const server = await listen(app, settings.api);
  await watch.start();
  dispatcher.start();
  const caretaker = new Caretaker({ store, engine, settings, log, now, everyMs: limits.caretakeMs });
  if (settings.databases) caretaker.start();
  const prune = setInterval(() => {
    store.idempotency.prune().catch((error: unknown) => log.warn({ err: error }, 'could not prune idempotency keys'));
  }, PRUNE_EVERY_MS);
  log.info({ url: server.url }, 'the API listens');
  return {
    url: server.url,
    async close() {
      clearInterval(prune);
      closing.abort();
      await server.close();
      await dispatcher.close();
      await caretaker.close();
      await watch.close();
      await sender.close();
    },
  };
}
