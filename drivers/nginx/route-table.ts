import type { Network } from '../../domain/address';
import { Failure, isFailure } from '../../domain/failures';
import type { Route } from '../../domain/gateway/allocation';
import { routeLine, type RouteLine } from './config';

/** A desired route that is left out of every generation, and why. */
export interface RefusedRoute {
  readonly route: Route;
  readonly failure: Failure;
}

/**
 * The desired routes as an edge will carry them, kept up to date by changes. Each is checked once, when it comes in, so
 * that rendering 10,000 of them is joining their lines. One that cannot be rendered is left out and holds up nobody.
 */
export class RouteTable {
  private readonly lines = new Map<string, { readonly allocationId: string; readonly line: RouteLine }>();
  private readonly hosts = new Map<string, string>();
  private readonly bad = new Map<string, RefusedRoute>();

  constructor(private readonly networks: readonly Network[]) {}

  /** Number of hosts carried. */
  get size(): number {
    return this.lines.size;
  }

  clear(): void {
    for (const map of [this.lines, this.hosts, this.bad]) map.clear();
  }

  /**
   * Takes changes in, at most one for each allocation.
   * @returns those of them that are refused.
   */
  apply(changes: readonly Route[]): RefusedRoute[] {
    // All that go, first: a host may pass from one allocation to another within these changes.
    for (const route of changes) this.drop(route.allocationId);
    return changes.filter((route) => !route.removed).flatMap((route) => this.add(route) ?? []);
  }

  /** The checked lines of all routes. */
  *rendered(): Iterable<RouteLine> {
    for (const { line } of this.lines.values()) yield line;
  }

  /** The refused route of a revision, if it is one. */
  refused(revision: number): RefusedRoute | undefined {
    return [...this.bad.values()].find(({ route }) => route.revision === revision);
  }

  private drop(allocationId: string): void {
    const host = this.hosts.get(allocationId);
    if (host !== undefined) this.lines.delete(host);
    this.hosts.delete(allocationId);
    this.bad.delete(allocationId);
  }

  private add(route: Route): RefusedRoute | undefined {
    try {
      const line = routeLine(route, this.networks);
      const holder = this.lines.get(route.hostname)?.allocationId;
      if (holder !== undefined) {
        throw new Failure('STATE_CONFLICT', `${route.hostname} already belongs to allocation ${holder}`);
      }
      this.lines.set(route.hostname, { allocationId: route.allocationId, line });
      this.hosts.set(route.allocationId, route.hostname);
      return undefined;
    } catch (error) {
      if (!isFailure(error)) throw error;
      const refused = { route, failure: error };
      this.bad.set(route.allocationId, refused);
      return refused;
    }
  }
}
