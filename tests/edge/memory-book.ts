import { Failure } from '../../domain/failures';
import type { Route } from '../../domain/gateway/allocation';
import type { EdgeBook, Hold } from '../../drivers/nginx/edge-book';

/** The desired routes and the record of one edge, in memory: what several publishers' books share. */
export class MemoryWorld {
  readonly routes = new Map<string, Route>();
  readonly published: { holder: string; generation: number; revision: number; changes: number }[] = [];
  revision = 0;
  claimed = 0;
  live = { generation: 0, revision: 0 };
  behind: { since: Date; reason: string } | null = null;
  hold: Hold | null = null;

  /** Writes a desired route; returns its revision. */
  route(allocationId: string, hostname: string, address: string): number {
    this.revision += 1;
    this.routes.set(allocationId, { allocationId, hostname, address, removed: false, revision: this.revision });
    return this.revision;
  }

  remove(allocationId: string): number {
    this.revision += 1;
    const route = this.routes.get(allocationId)!;
    this.routes.set(allocationId, { ...route, removed: true, revision: this.revision });
    return this.revision;
  }

  /** Gives the edge to somebody else, as if its lease had run out. */
  steal(holder: string): Hold {
    this.hold = null;
    return this.take(holder, 60_000)!;
  }

  take(holder: string, ttlMs: number): Hold | null {
    const held = this.hold && this.hold.expiresAt.getTime() > Date.now();
    if (held && this.hold!.holder !== holder) return null;
    const now = new Date();
    const version = (this.hold?.version ?? this.claimed * 1_000) + 1;
    return (this.hold = { name: 'edge', holder, version, acquiredAt: now, expiresAt: new Date(now.getTime() + ttlMs) });
  }
}

/** Names of the calls that a test may act in the middle of. */
export type Moment = 'acquire' | 'renew' | 'claim' | 'record';

/** One publisher's view of a {@link MemoryWorld}. */
export class MemoryBook implements EdgeBook {
  /** Is called before the named call takes effect. */
  before: Partial<Record<Moment, () => void | Promise<void>>> = {};
  fullReads = 0;

  constructor(
    readonly world: MemoryWorld,
    readonly holder: string,
    private readonly ttlMs = 60_000,
  ) {}

  async acquire(): Promise<Hold | null> {
    await this.before.acquire?.();
    return this.world.take(this.holder, this.ttlMs);
  }

  async renew(hold: Hold): Promise<Hold> {
    await this.before.renew?.();
    this.mustBe(hold);
    return this.world.take(this.holder, this.ttlMs)!;
  }

  async release(hold: Hold): Promise<void> {
    if (this.world.hold?.version === hold.version && this.world.hold.holder === hold.holder) this.world.hold = null;
  }

  async changesSince(revision: number): Promise<readonly Route[]> {
    if (revision === 0) this.fullReads += 1;
    const changes = [...this.world.routes.values()].filter((route) => route.revision > revision);
    return changes.sort((a, b) => a.revision - b.revision);
  }

  async head(): Promise<number> {
    return this.world.revision;
  }

  async claimGeneration(hold: Hold, above: number): Promise<number> {
    await this.before.claim?.();
    this.mustBe(hold);
    return (this.world.claimed = Math.max(this.world.claimed, above) + 1);
  }

  async recordLive(hold: Hold, live: { generation: number; revision: number; changes: number }): Promise<void> {
    await this.before.record?.();
    this.mustBe(hold);
    this.world.live = { generation: live.generation, revision: live.revision };
    this.world.published.push({ holder: this.holder, ...live });
    this.world.behind = null;
  }

  async markBehind(reason: string): Promise<void> {
    this.world.behind ??= { since: new Date(), reason };
  }

  async record() {
    const { generation, revision } = this.world.live;
    return { liveGeneration: generation, liveRevision: revision, behindSince: this.world.behind?.since ?? null };
  }

  private mustBe(hold: Hold): void {
    const { hold: present } = this.world;
    if (present?.version !== hold.version || present.holder !== hold.holder) {
      throw new Failure('EDGE_FENCED', `the lease is ${present?.holder}'s`);
    }
  }
}
