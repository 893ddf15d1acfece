import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { JournalEntry } from '../domain/journal';
import { isTerminal } from '../domain/saga';
import type { Store } from '../prisma/store';
import { replicaState } from './views';

/** Seconds; a start takes tens of milliseconds, a run that is taken back may take minutes. */
const RUN_BUCKETS = [0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The API's numbers for Prometheus. What the store knows is read at each scrape; every API process shows the same. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly http = new Histogram({
    name: 'gatewright_http_request_duration_seconds',
    help: 'Time until a request was answered, by this process.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: HTTP_BUCKETS,
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'gatewright_run_duration_seconds',
    help: 'Time from the beginning to the end of runs that ended since this process began; every API process sees every run.',
    labelNames: ['kind', 'outcome'] as const,
    buckets: RUN_BUCKETS,
    registers: [this.registry],
  });
  private readonly storeUp = this.gauge('gatewright_store_up', 'Whether the store answered this scrape.', []);
  private readonly runs = this.gauge('gatewright_runs', 'Runs by kind and state.', ['kind', 'state']);
  private readonly reloads = this.counter('gatewright_edge_reloads_total', 'Generations made live.', ['edge']);
  private readonly published = this.counter(
    'gatewright_edge_routes_published_total',
    'Route changes carried by generations made live.',
    ['edge'],
  );
  private readonly coalesced = this.gauge(
    'gatewright_edge_routes_per_reload',
    'Route changes that one reload carried, on average since the edge was registered.',
    ['edge'],
  );
  private readonly generation = this.gauge('gatewright_edge_live_generation', 'The generation proven live.', ['edge']);
  private readonly behind = this.gauge(
    'gatewright_edge_behind_seconds',
    'For how long an edge has not carried what it should; 0 when it is right.',
    ['edge'],
  );
  private readonly attention = this.gauge('gatewright_attention_runs', 'Runs that wait for a person.', ['severity']);
  private readonly attentionAge = this.gauge(
    'gatewright_attention_oldest_seconds',
    'For how long the oldest run has waited for a person; 0 when none does.',
    [],
  );
  private readonly pool = this.gauge('gatewright_pool_replicas', 'Replicas of the pool by state.', ['state']);
  private scraping: Promise<string> | undefined;

  constructor(
    private readonly store: Store,
    private readonly now: () => Date,
  ) {}

  readonly contentType = this.registry.contentType;

  /** Begins to measure a request; what it returns ends that. */
  startRequest(): (method: string, route: string, status: number) => void {
    const begun = performance.now();
    return (method, route, status) =>
      this.http.observe({ method, route, status: String(status) }, (performance.now() - begun) / 1000);
  }

  /** Measures a run that has ended, when its entry says so. */
  async observe(entry: JournalEntry): Promise<void> {
    if (entry.type !== 'run.state' || !isTerminal(entry.state)) return;
    const run = await this.store.journal.run(entry.runId);
    if (!run?.endedAt) return;
    const seconds = (run.endedAt.getTime() - run.startedAt.getTime()) / 1000;
    this.durations.observe({ kind: run.kind, outcome: entry.state }, seconds);
  }

  /** The text of a scrape; scrapes that come at once share one reading of the store. */
  async text(): Promise<string> {
    this.scraping ??= this.scrape().finally(() => (this.scraping = undefined));
    return await this.scraping;
  }

  private async scrape(): Promise<string> {
    await this.readStore().then(
      () => this.storeUp.set(1),
      () => this.storeUp.set(0),
    );
    return await this.registry.metrics();
  }

  private async readStore(): Promise<void> {
    const [counts, edges, waiting, replicas] = await Promise.all([
      this.store.journal.counts(),
      this.store.edges.list(),
      this.store.journal.attention({ limit: 1000 }),
      this.store.pool.replicas(),
    ]);
    const seconds = (since: Date | null | undefined): number =>
      since ? Math.max(0, (this.now().getTime() - since.getTime()) / 1000) : 0;
    this.runs.reset();
    for (const { kind, state, count } of counts) this.runs.set({ kind, state }, count);
    for (const metric of [this.reloads, this.published, this.coalesced, this.generation, this.behind]) metric.reset();
    for (const { name: edge, reloads, routesPublished, liveGeneration, behindSince } of edges) {
      this.reloads.inc({ edge }, reloads);
      this.published.inc({ edge }, routesPublished);
      this.coalesced.set({ edge }, reloads === 0 ? 0 : routesPublished / reloads);
      this.generation.set({ edge }, liveGeneration);
      this.behind.set({ edge }, seconds(behindSince));
    }
    for (const severity of ['warning', 'critical'])
      this.attention.set({ severity }, waiting.filter((run) => (run.severity ?? 'warning') === severity).length);
    this.attentionAge.set({}, seconds(waiting[0]?.attentionSince));
    for (const state of ['new', 'free', 'allocated', 'quarantined', 'withdrawn'])
      this.pool.set({ state }, replicas.filter((replica) => replicaState(replica) === state).length);
  }

  private gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  private counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
