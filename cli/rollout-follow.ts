import { setTimeout as sleep } from 'node:timers/promises';
import { abortWith } from '../api/signals';
import { followStream, isTransient } from './event-stream';
import type { Io } from './io';
import { notFollowed } from './problem';
import type { RolloutApi } from './rollout-api';
import type { ApplyEventJson, RolloutNow } from './rollout-shapes';

/** Milliseconds after which a rollout is looked at although nothing was heard of it: rows are copied without a word. */
const LOOK_MS = 1_000;
/** Milliseconds between two looks at least: many deployments may move at once. */
const GAP_MS = 300;

/** Shows a rollout while it goes on. */
export interface RolloutView {
  show(now: RolloutNow): void;
  /** A change of a state; `raw` is the event as the API sent it. */
  event?(event: ApplyEventJson, raw: string): void;
  connection?(up: boolean): void;
  close?(): void;
}

/** What is followed, and until when. */
export interface Following {
  readonly api: RolloutApi;
  readonly number: number;
  readonly view: RolloutView;
  /** The version of the rollout before which events are left out; from the first unless told. */
  readonly since?: number;
  readonly over: (now: RolloutNow) => boolean;
}

/**
 * Follows a rollout until `over`.
 * @returns it as it then is.
 * @throws CliProblem; {@link notFollowed} after Ctrl-C, which leaves everything alone.
 */
export async function followRollout(io: Io, following: Following): Promise<RolloutNow> {
  return await new Follow(io, following).run();
}

class Follow {
  private wake: () => void = () => undefined;
  private broken: unknown;
  private ended = false;

  constructor(
    private readonly io: Io,
    private readonly following: Following,
  ) {}

  async run(): Promise<RolloutNow> {
    const { view, over, api, number } = this.following;
    const left = new AbortController();
    const interrupted = this.io.interrupted();
    const forget = abortWith(left, interrupted);
    const listening = this.listen(left.signal);
    let last: RolloutNow | undefined;
    try {
      for (;;) {
        const asleep = this.asleep(left.signal);
        last = (await this.look()) ?? last;
        if (this.broken !== undefined) throw this.broken as Error;
        if (last && over(last)) {
          // What led there is told before it is told that it is over.
          if (last.apply.completed_at !== null) await Promise.race([listening, sleep(LOOK_MS)]);
          return last;
        }
        if (interrupted.aborted) break;
        await asleep;
      }
    } finally {
      forget();
      left.abort();
      view.close?.();
      await listening;
    }
    throw notFollowed([
      `gatewright rollout watch ${api.database} ${number}`,
      `gatewright rollout show ${api.database} ${number}`,
    ]);
  }

  /** Hears of every change of a state; what is wrong with the connection for good ends the following. */
  private async listen(signal: AbortSignal): Promise<void> {
    const { api, number, view, since = 0 } = this.following;
    try {
      const stream = followStream(api.client, api.path(number, 'events'), {
        signal,
        onConnection: (up) => view.connection?.(up),
        onOpen: () => Promise.resolve(this.wake()),
      });
      for await (const { event, data } of stream) {
        if (event === 'end') break;
        const change = JSON.parse(data) as ApplyEventJson;
        if (change.version >= since) view.event?.(change, data);
        this.wake();
      }
      this.ended = true;
    } catch (error) {
      this.broken = error;
    }
    this.wake();
  }

  /** Reads the rollout and shows it; undefined while the API is away. */
  private async look(): Promise<RolloutNow | undefined> {
    const { api, number, view } = this.following;
    try {
      const now = await api.now(number);
      view.show(now);
      return now;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return undefined;
    }
  }

  /** Until something is heard, a second is over, or nobody waits any more. */
  private async asleep(signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const forget = abortWith(enough, signal);
    this.wake = (): void => enough.abort();
    await sleep(this.ended ? LOOK_MS : GAP_MS, undefined, { signal }).catch(() => undefined);
    await sleep(LOOK_MS - GAP_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    forget();
  }
}
