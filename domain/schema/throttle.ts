import { MAX_THROTTLE } from './pace';

/** What a server bears; beyond it a change slows itself down. Every one can be set. */
export interface ThrottleLimits {
  /** Seconds that the slowest replica may be behind. */
  readonly replicaLagSeconds: number;
  /** Sessions that may be at work at once, those of the change not among them. */
  readonly threadsRunning: number;
  /** Keys that may wait in the logs of a change. */
  readonly logLength: number;
  /** Seconds for which more keys may wait without becoming fewer, before the change gives up keeping up. */
  readonly behindSeconds: number;
  /** Milliseconds that 99 of 100 small writes may take. */
  readonly writeP99Ms: number;
}

/** What is borne where nobody says otherwise: 1.5 s and 25 threads are what others of the trade go by. */
export const defaultLimits: ThrottleLimits = {
  replicaLagSeconds: 1.5,
  threadsRunning: 25,
  logLength: 50_000,
  behindSeconds: 60,
  writeP99Ms: 100,
};

/** What a server was seen to bear at one moment; null for what nobody can or may tell. */
export interface ServerLoad {
  readonly replicaLagSeconds: number | null;
  readonly threadsRunning: number | null;
  readonly logLength: number;
  readonly writeP99Ms: number | null;
}

/** How much a piece of work is slowed, and why. */
export interface Throttled {
  /** The share of all time that is rest: 0 to {@link MAX_THROTTLE}. */
  readonly ratio: number;
  /** `asked`, `replica lag 3.1 s`, `threads running 80`, `log grows`, `writes slow`; null at full speed. */
  readonly throttledBy: string | null;
}

/** Milliseconds that one step of the rules below is meant for. */
const STEP_MS = 500;

/** A log is judged by what it will hold in so many milliseconds at the rate at which it grows. */
const FORESIGHT_MS = 5_000;

/** Below this share of a limit there is room to be faster; between it and the limit nothing moves. */
const ROOM = 0.8;

/** What the speed gains in a step: full speed comes back in half a minute. */
const GAIN = 1.05;

/** The speed that {@link MAX_THROTTLE} leaves. */
const SLOWEST = 1 - MAX_THROTTLE;

/**
 * Slows a change down to what its server bears. Over a limit the speed falls at once, by as much as the limit is
 * passed; it comes back slowly, and not before there is room: so that it settles instead of swinging.
 */
export class Throttle {
  readonly limits: ThrottleLimits;
  private readonly server = new Brake();
  private readonly log = new Brake();
  private last: { readonly atMs: number; readonly logLength: number } | null = null;
  private logPressure = 0;

  /** @param limits those that are not as {@link defaultLimits} has them. */
  constructor(limits: Partial<ThrottleLimits> = {}) {
    this.limits = { ...defaultLimits, ...limits };
  }

  /** @param atMs of any clock that does not jump; about every half second. */
  note(load: ServerLoad, atMs: number): void {
    const tookMs = this.last === null ? STEP_MS : Math.max(atMs - this.last.atMs, 1);
    const grownBy = this.last === null ? 0 : Math.max(load.logLength - this.last.logLength, 0);
    this.last = { atMs, logLength: load.logLength };
    this.logPressure = (load.logLength + (grownBy * FORESIGHT_MS) / tookMs) / this.limits.logLength;
    this.server.press(worst(load, this.limits), tookMs);
    this.log.press({ pressure: this.logPressure, reason: 'log grows' }, tookMs);
  }

  /** For rows that are copied: nothing is lost by being late with them. @param asked 0 to {@link MAX_THROTTLE} */
  copying(asked: number): Throttled {
    return slowest([{ ratio: bounded(asked), throttledBy: 'asked' }, this.server.throttled, this.log.throttled]);
  }

  /**
   * For keys that are followed. A log that fills up must not be followed the slower for it, and what is asked for counts
   * the less the fuller it is: whoever rests there has all the more to do later. @param asked 0 to {@link MAX_THROTTLE}
   */
  following(asked: number): Throttled {
    const yields = bounded(asked) * Math.max(1 - this.logPressure, 0);
    return slowest([{ ratio: yields, throttledBy: 'asked' }, this.server.throttled]);
  }
}

interface Press {
  /** What was measured as a share of its limit. */
  readonly pressure: number;
  readonly reason: string;
}

/** The speed that one kind of trouble leaves. */
class Brake {
  private speed = 1;
  private reason = '';

  press({ pressure, reason }: Press, tookMs: number): void {
    const steps = Math.min(tookMs / STEP_MS, 2);
    if (pressure > 1) this.speed = Math.max(this.speed * Math.max(1 / pressure, 0.5) ** steps, SLOWEST);
    else if (pressure < ROOM) this.speed = Math.min(this.speed * GAIN ** steps, 1);
    // While it comes back, the reason stays what it was.
    if (pressure > 1) this.reason = reason;
  }

  get throttled(): Throttled {
    const ratio = 1 - this.speed;
    return { ratio: ratio < 0.01 ? 0 : ratio, throttledBy: this.reason };
  }
}

function worst(load: ServerLoad, limits: ThrottleLimits): Press {
  const { replicaLagSeconds: lag, threadsRunning: threads, writeP99Ms: p99 } = load;
  const presses: Press[] = [
    { pressure: (lag ?? 0) / limits.replicaLagSeconds, reason: `replica lag ${(lag ?? 0).toFixed(1)} s` },
    { pressure: (threads ?? 0) / limits.threadsRunning, reason: `threads running ${threads ?? 0}` },
    { pressure: (p99 ?? 0) / limits.writeP99Ms, reason: 'writes slow' },
  ];
  return presses.reduce((most, each) => (each.pressure > most.pressure ? each : most));
}

function slowest(all: readonly Throttled[]): Throttled {
  const most = all.reduce((before, each) => (each.ratio > before.ratio ? each : before));
  return { ratio: most.ratio, throttledBy: most.ratio === 0 ? null : most.throttledBy };
}

function bounded(ratio: number): number {
  return Math.min(Math.max(ratio, 0), MAX_THROTTLE);
}
