import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantAnswer } from '../../domain/gateway/agent-protocol';
import { gatewayHostname } from '../../domain/hostname';
import { get } from './http';

/**
 * What an organization's host name has to answer now.
 * - `live`: its own gateway, on every edge and without exception;
 * - `changing`: a start or stop is under way; its own gateway or nothing, never another's;
 * - `nobody`: 421 on every edge.
 */
type Expectation = { readonly live: string } | 'changing' | 'nobody';

interface Watched {
  readonly organizationId: string;
  expected: Expectation;
  /** Requests under way that were sent while it was live. */
  readonly asking: Set<Promise<void>>;
}

/** Asks every host name through every edge again and again, each time on a connection of its own. */
export class Prober {
  /** Every answer that was not what it had to be. */
  readonly wrong: string[] = [];
  readonly asked = { live: 0, changing: 0, nobody: 0 };
  private readonly hosts = new Map<string, Watched>();
  private clients: Promise<void>[] = [];
  private done = false;
  private turn = 0;

  /** @param edges `ip:port` of each. */
  constructor(
    private readonly edges: readonly string[],
    private readonly zone: string,
  ) {}

  start(clients = 3): void {
    const targets = this.targets();
    this.clients = Array.from({ length: clients }, () => this.client(targets));
  }

  async stop(): Promise<void> {
    this.done = true;
    await Promise.all(this.clients);
  }

  /** From now on the host has to be answered by this allocation. */
  live(organizationId: string, allocationId: string): void {
    this.watched(organizationId).expected = { live: allocationId };
  }

  /** From now on the host may be answered or not; resolves when nobody asks any more who counts on an answer. */
  async changing(organizationId: string): Promise<void> {
    const host = this.watched(organizationId);
    host.expected = 'changing';
    await Promise.all(host.asking);
  }

  /** From now on nobody may answer for the host. */
  nobody(organizationId: string): void {
    this.watched(organizationId).expected = 'nobody';
  }

  private watched(organizationId: string): Watched {
    const host = this.hosts.get(organizationId) ?? { organizationId, expected: 'nobody', asking: new Set() };
    this.hosts.set(organizationId, host);
    return host;
  }

  /** All live hosts, then a few of the others, and again. */
  private *targets(): Generator<{ host: Watched; edge: string } | undefined, never> {
    for (;;) {
      const all = [...this.hosts.values()];
      const others = all.filter(({ expected }) => typeof expected === 'string');
      const some = [0, 1, 2, 3].flatMap(() => others[this.turn++ % Math.max(1, others.length)] ?? []);
      for (const host of [...all.filter(({ expected }) => typeof expected === 'object'), ...some])
        for (const edge of this.edges) yield { host, edge };
      yield undefined;
    }
  }

  private async client(targets: Generator<{ host: Watched; edge: string } | undefined, never>): Promise<void> {
    while (!this.done) {
      const target = targets.next().value;
      if (target) await this.probe(target.host, target.edge);
      await sleep(target ? 2 : 10);
    }
  }

  private async probe(host: Watched, edge: string): Promise<void> {
    const { expected } = host;
    const asking = this.ask(host.organizationId, expected, edge);
    if (typeof expected === 'object') {
      host.asking.add(asking);
      void asking.finally(() => host.asking.delete(asking));
    }
    await asking;
  }

  private async ask(organizationId: string, expected: Expectation, edge: string): Promise<void> {
    this.asked[typeof expected === 'object' ? 'live' : expected] += 1;
    const hostname = gatewayHostname(organizationId, this.zone);
    const answer = await get(edge, '/', hostname).catch((error: Error) => ({ status: 0, body: error.message }));
    const problem = judge(organizationId, expected, answer);
    if (problem) this.wrong.push(`${new Date().toISOString()} ${hostname} at ${edge}: ${problem}: ${answer.body}`);
  }
}

function judge(
  organizationId: string,
  expected: Expectation,
  { status, body }: { status: number; body: string },
): string | undefined {
  if (status === 200) {
    const { organization_id, allocation_id } = JSON.parse(body) as TenantAnswer;
    if (organization_id !== organizationId) return 'answered by the gateway of another organization';
    if (expected === 'nobody') return 'answered although nobody holds it';
    if (typeof expected === 'object' && allocation_id !== expected.live) return 'answered by another allocation';
    return undefined;
  }
  if (typeof expected === 'object') return `live, and answered ${status}`;
  if (expected === 'nobody' && status !== 421) return `nobody's, and answered ${status}`;
  return undefined;
}
