import type { Logger } from 'pino';
import { network } from '../domain/address';
import type { Settings } from '../domain/settings';
import { Edge } from '../drivers/nginx/edge';
import { Publisher } from '../drivers/nginx/publisher';
import { Reconciler } from '../drivers/nginx/reconciler';
import type { Store } from '../prisma/store';
import { edgeBook } from './edge-book';

/** How often a worker looks whether its edges are as they should be. */
const watchMs = 500;

/** The edges that a worker publishes to and keeps right. */
export interface WorkerEdges {
  readonly publishers: ReadonlyMap<string, Publisher>;
  close(): Promise<void>;
}

/** Prepares the edges of this host, registers them, and begins to watch over them. */
export async function openEdges(settings: Settings, store: Store, identity: string, log: Logger): Promise<WorkerEdges> {
  const publishers = new Map<string, Publisher>();
  const stopping = new AbortController();
  const networks = settings.networks.map(network);
  const say = (message: string, details: Readonly<Record<string, unknown>>): void => log.info(details, message);
  const watches: Promise<void>[] = [];
  for (const edgeSettings of settings.edges) {
    const edge = new Edge(edgeSettings);
    await edge.prepare();
    await store.edges.register(edgeSettings.name);
    const book = edgeBook(store, edgeSettings.name, identity);
    const publisher = new Publisher({ edge, book, networks, log: say });
    publishers.set(edgeSettings.name, publisher);
    watches.push(new Reconciler(publisher, book, say).watch(watchMs, stopping.signal));
  }
  return {
    publishers,
    async close() {
      stopping.abort();
      await Promise.all(watches);
      await Promise.all([...publishers.values()].map((publisher) => publisher.close()));
    },
  };
}
