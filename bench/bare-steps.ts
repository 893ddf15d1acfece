import { randomUUID } from 'node:crypto';
import type { GatewayPorts } from '../activities/gateway/ports';
import { network } from '../domain/address';
import { allocationMoves, found } from '../domain/gateway/allocation';
import { startRunId } from '../domain/gateway/contract';
import { gatewayHostname } from '../domain/hostname';
import type { Settings } from '../domain/settings';
import { Edge } from '../drivers/nginx/edge';
import { Publisher } from '../drivers/nginx/publisher';
import type { Store } from '../prisma/store';
import { edgeBook } from '../worker/edge-book';
import { workerIdentity } from '../worker/identity';
import { gatewayPorts } from '../worker/ports';

/** Publishers as a worker has them, without its watch over the edges. */
export function barePublishers(settings: Settings, store: Store): Map<string, Publisher> {
  const networks = settings.networks.map(network);
  return new Map(
    settings.edges.map((edge) => {
      const book = edgeBook(store, edge.name, workerIdentity());
      return [edge.name, new Publisher({ edge: new Edge(edge), book, networks })];
    }),
  );
}

/** The steps of a start and their undoing in plain code: the same drivers and store, without Temporal, engine and journal. */
export class BareSteps {
  private readonly ports: GatewayPorts;
  private readonly publishers: ReadonlyMap<string, Publisher>;

  constructor(
    private readonly settings: Settings,
    private readonly store: Store,
  ) {
    this.publishers = barePublishers(settings, store);
    this.ports = gatewayPorts(settings, { store, identity: workerIdentity(), publishers: this.publishers });
  }

  /** Starts a gateway. @returns its allocation's id. */
  async start(): Promise<string> {
    const { zone, agent, edgeIp } = this.ports;
    const [allocationId, organizationId] = [randomUUID(), randomUUID()];
    const hostname = gatewayHostname(organizationId, this.settings.zone.name);
    const runId = startRunId(allocationId);
    const { replicaId, address, epoch } = await this.store.pool.allocate({
      allocationId,
      organizationId,
      hostname,
      runId,
    });
    await zone.register({ hostname, ip: edgeIp, owner: allocationId });
    const { revision } = await this.store.routes.write({ allocationId, hostname, address });
    await this.publish(revision);
    const secret = await this.ports.replicaSecret(replicaId);
    const subject = { replica_id: replicaId, allocation_id: allocationId, organization_id: organizationId, hostname };
    await agent.handshake({ address, secret }, { ...subject, epoch });
    await this.store.pool.move(allocationId, found(allocationMoves.confirm), 'live');
    return allocationId;
  }

  /** Takes gateways down side by side, however they were started; with one reload of each edge for all of them. */
  async takeDown(allocationIds: readonly string[]): Promise<void> {
    if (allocationIds.length === 0) return;
    const held = await Promise.all(allocationIds.map((id) => this.store.pool.allocation(id)));
    const open = held.filter((allocation) => allocation !== null && allocation.state !== 'released').map((one) => one!);
    const removed = await Promise.all(open.map(({ id }) => this.store.routes.remove(id)));
    if (removed.length > 0) await this.publish(Math.max(...removed.map(({ revision }) => revision)));
    await Promise.all(
      open.map(async ({ id, organizationId, runId, replicaId, address, epoch, hostname }) => {
        await this.ports.zone.remove({ hostname, owner: id });
        const secret = await this.ports.replicaSecret(replicaId);
        const subject = { replica_id: replicaId, allocation_id: id, epoch };
        await this.ports.agent.release({ address, secret }, subject);
        await this.store.pool.release({ allocationId: id, organizationId, runId });
      }),
    );
  }

  /** Makes a revision live on every edge. */
  async publish(revision: number): Promise<void> {
    await Promise.all([...this.publishers.values()].map((publisher) => publisher.publish(revision)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.publishers.values()].map((publisher) => publisher.close()));
  }
}
