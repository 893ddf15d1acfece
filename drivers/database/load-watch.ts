import { ProbeWrites } from '../../domain/schema/probe-writes';
import type { ServerLoad } from '../../domain/schema/throttle';
import { pause } from './pause';

/** Milliseconds between two looks at the server. */
const LOOK_EVERY_MS = 500;

/** Measured writes between two looks. */
const WRITES = 5;

/** A session, as far as a watch needs it. */
export interface Ending {
  destroy(): void;
}

/** What one look at a server tells; how long writes take is measured beside it. */
export type SeenLoad = Omit<ServerLoad, 'writeP99Ms'>;

/** How one kind of server is asked what it bears. */
export interface LoadProbe<S extends Ending> {
  /** A session of its own beside the work. */
  open(): Promise<S>;
  /** Makes it ready to write and look. */
  begin(session: S): Promise<void>;
  /** A small write that reaches the disk as a user's does. */
  write(session: S): Promise<void>;
  look(session: S): Promise<SeenLoad>;
  /** Ends whatever else it has opened. */
  close?(): void;
}

/** Watches what a server bears, beside the work: how long small writes take, how far replicas are behind, who is at work. */
export class LoadWatch<S extends Ending> {
  private readonly stopping = new AbortController();
  private readonly writes = new ProbeWrites();
  private running: Promise<void> = Promise.resolve();
  private session: S | null = null;

  constructor(
    private readonly probe: LoadProbe<S>,
    private readonly onLoad: (load: ServerLoad, atMs: number) => void,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Ends it, whatever it waits for. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.session?.destroy();
    this.probe.close?.();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        this.session = await this.probe.open();
        await this.watch(this.session);
      } catch {
        // Whoever does the work meets the same, and says so.
        await pause(LOOK_EVERY_MS, this.stopping.signal);
      } finally {
        this.session?.destroy();
        this.session = null;
      }
    }
  }

  private async watch(session: S): Promise<void> {
    await this.probe.begin(session);
    while (!this.stopping.signal.aborted) {
      for (let n = 0; n < WRITES; n++) {
        await pause(LOOK_EVERY_MS / WRITES, this.stopping.signal);
        if (this.stopping.signal.aborted) return;
        const began = performance.now();
        await this.probe.write(session);
        this.writes.note(began, performance.now() - began);
      }
      const load = await this.probe.look(session);
      this.onLoad({ ...load, writeP99Ms: this.writes.p99Ms }, performance.now());
    }
  }
}
