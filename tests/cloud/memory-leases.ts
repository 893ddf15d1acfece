import type { HostLease, HostLeases } from '../../drivers/cloud/static/leases';
import type { MachineTags } from '../../domain/fleet/machine';

/** Leases that last as long as the process. One method is one turn of the event loop, so nothing comes in between. */
export class MemoryLeases implements HostLeases {
  private readonly held = new Map<string, HostLease>();

  async take(hosts: readonly string[], tags: MachineTags): Promise<HostLease | null> {
    const [mine] = this.of(({ owner, token }) => owner === tags.owner && token === tags.token);
    if (mine) return mine;
    const host = hosts.find((one) => !this.held.has(one));
    if (host === undefined) return null;
    const lease = { host, tags, leasedAt: new Date() };
    this.held.set(host, lease);
    return lease;
  }

  async get(host: string): Promise<HostLease | null> {
    return this.held.get(host) ?? null;
  }

  async find(owner: string, token: string): Promise<HostLease[]> {
    return this.of((tags) => tags.owner === owner && tags.token === token);
  }

  async list(owner: string): Promise<HostLease[]> {
    return this.of((tags) => tags.owner === owner);
  }

  async release(host: string, owner: string, token: string): Promise<void> {
    const tags = this.held.get(host)?.tags;
    if (tags?.owner === owner && tags.token === token) this.held.delete(host);
  }

  private of(fits: (tags: MachineTags) => boolean): HostLease[] {
    return [...this.held.values()].filter(({ tags }) => fits(tags));
  }
}
