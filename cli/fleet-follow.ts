import { setTimeout as sleep } from 'node:timers/promises';
import { abortWith } from '../api/signals';
import type { JournalEntry } from '../domain/journal';
import { followStream, isTransient } from './event-stream';
import { isNotFound, type FleetApi } from './fleet-api';
import type { FleetEventJson, FleetGatewayJson, FleetReplicaJson } from './fleet-shapes';
import { rolledReplica, stepAfter, stepOf, type StepNow } from './fleet-steps';
import { journalEntry } from './follow';
import type { Io } from './io';
import { notFollowed } from './problem';
import type { RunDetailJson } from './shapes';

/** Milliseconds after which a gateway is looked at although nothing was heard of it. */
const LOOK_MS = 1_000;
/** Milliseconds between two looks at least: entries of the journal come in bursts. */
const GAP_MS = 150;

/** A gateway while it is followed. */
export interface GatewayNow {
  /** null once it is gone. */
  readonly gateway: FleetGatewayJson | null;
  /** Where the runs of its replicas stand, by replica, and that of its rollout, by its own id. */
  readonly steps: ReadonlyMap<string, StepNow>;
}

/** Shows a gateway while something happens to it. */
export interface GatewayView {
  /** The gateway as it now is, and what happened to it since the last call. */
  show(now: GatewayNow, events: readonly FleetEventJson[]): void;
  /** An entry of the journal of one of its replicas' runs; `replica` is what people call it. */
  entry?(entry: JournalEntry, replica: string): void;
  connection?(up: boolean): void;
  close?(): void;
}

/** What is followed, from where, and until when. */
export interface Following {
  readonly api: FleetApi;
  readonly gateway: Pick<FleetGatewayJson, 'id' | 'name'>;
  /** Events after this one are shown. */
  readonly after: number;
  readonly view: GatewayView;
  /** Whether it is over. */
  readonly over: (now: GatewayNow) => boolean;
}

/**
 * Follows a gateway until `over`, or until the run of one of its replicas waits for a person.
 * @returns the gateway as it then is.
 * @throws CliProblem; {@link notFollowed} after Ctrl-C, which leaves everything alone.
 */
export async function followGateway(io: Io, following: Following): Promise<GatewayNow> {
  return await new Follow(io, following).run();
}

/** The run of a replica, or the rollout, that waits for a person, if one does. */
export function stuckRun({ steps }: GatewayNow): StepNow | undefined {
  return [...steps.values()].find(({ state }) => state === 'needs_attention');
}

/** Whose steps are shown: a replica, or the gateway itself. */
interface Followed {
  readonly id: string;
  readonly name: string;
}

class Follow {
  private readonly steps = new Map<string, StepNow>();
  /** The replicas of the gateway, by the ids of their runs, and by number and generation. */
  private readonly runs = new Map<string, Followed>();
  private rollout: string | undefined;
  /** Entries that came before it was known whose run they are of. */
  private early: JournalEntry[] = [];
  private seq: number;
  private wake: () => void = () => undefined;
  private broken: unknown;

  constructor(
    private readonly io: Io,
    private readonly following: Following,
  ) {
    this.seq = following.after;
  }

  async run(): Promise<GatewayNow> {
    const { view, over, gateway } = this.following;
    const left = new AbortController();
    const interrupted = this.io.interrupted();
    const forget = abortWith(left, interrupted);
    const { signal } = left;
    const listening = this.listen(signal);
    try {
      for (;;) {
        const asleep = this.asleep(signal);
        const now = await this.look();
        if (this.broken !== undefined) throw this.broken as Error;
        if (now && (over(now) || stuckRun(now))) return now;
        if (interrupted.aborted) break;
        await asleep;
      }
    } finally {
      forget();
      left.abort();
      view.close?.();
      await listening;
    }
    throw notFollowed([`gatewright gateway watch ${gateway.name}`, `gatewright gateway get ${gateway.name}`]);
  }

  /** Hears of every run's steps; what is wrong with the connection for good ends the following. */
  private async listen(signal: AbortSignal): Promise<void> {
    const { api, view } = this.following;
    try {
      const stream = followStream(api.client, '/events', {
        signal,
        onConnection: (up) => view.connection?.(up),
        onOpen: () => Promise.resolve(this.wake()),
      });
      for await (const { event, data } of stream) {
        if (event === 'end') return;
        const entry = journalEntry(data);
        if (!entry.kind.startsWith('fleet.') || entry.organizationId !== api.organizationId) continue;
        if (!this.take(entry)) this.early.push(entry);
        this.wake();
      }
    } catch (error) {
      this.broken = error;
      this.wake();
    }
  }

  /** @returns whether it is known what the entry is of. */
  private take(given: JournalEntry): boolean {
    const rolled = given.runId === this.rollout ? rolledReplica(given) : null;
    const entry = rolled?.entry ?? given;
    const of = this.runs.get(rolled ? `${rolled.num}.${rolled.generation}` : entry.runId);
    if (!of) return false;
    const before = this.steps.get(of.id);
    this.steps.set(of.id, stepAfter(before?.runId === entry.runId ? before : undefined, entry));
    this.following.view.entry?.(entry, of.name);
    return true;
  }

  /** Reads the gateway and shows it; undefined while the API is away. */
  private async look(): Promise<GatewayNow | undefined> {
    const { api, view } = this.following;
    try {
      const found = await api.gatewayOrNone(this.following.gateway.name);
      // Another of that name may have been made since.
      const gateway = found?.id === this.following.gateway.id ? found : null;
      for (const replica of gateway?.replicas ?? []) await this.know(replica);
      if (gateway?.rollout) await this.knowRollout(gateway, gateway.rollout.run);
      const early = this.early;
      this.early = [];
      early.forEach((entry) => this.take(entry));
      const events = await api.eventsAfter(this.following.gateway.id, this.seq);
      this.seq = events.at(-1)?.seq ?? this.seq;
      const now = { gateway, steps: this.steps };
      view.show(now, events);
      return now;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  /** Learns the runs of a replica, and where the present one stands. */
  private async know({ id, num, generation, name, state, runs }: FleetReplicaJson): Promise<void> {
    if (this.runs.has(runs.provision)) return;
    for (const key of [runs.provision, runs.retire, `${num}.${generation}`]) this.runs.set(key, { id, name });
    if (state !== 'running') await this.begin(id, state === 'terminating' ? runs.retire : runs.provision);
  }

  /** Learns the run that gives the gateway's replicas another profile. */
  private async knowRollout({ id, name }: FleetGatewayJson, run: string): Promise<void> {
    if (this.rollout === run) return;
    this.rollout = run;
    this.runs.set(run, { id, name });
    await this.begin(id, run);
  }

  private async begin(id: string, run: string): Promise<void> {
    try {
      const begun = stepOf(await this.following.api.client.get<RunDetailJson>(`/runs/${run}`));
      if (this.steps.get(id)?.runId !== run) this.steps.set(id, begun);
    } catch (error) {
      // It has not begun.
      if (!isNotFound(error)) throw error;
    }
  }

  /** Until something is heard, a second is over, or nobody waits any more. */
  private async asleep(signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const forget = abortWith(enough, signal);
    this.wake = (): void => enough.abort();
    await sleep(GAP_MS, undefined, { signal }).catch(() => undefined);
    await sleep(LOOK_MS - GAP_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    forget();
  }
}
