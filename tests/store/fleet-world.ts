import { randomUUID } from 'node:crypto';
import { gatewayConfiguration } from '../../domain/fleet/configuration';
import type { FleetGateway, FleetReplica } from '../../domain/fleet/gateway';
import { defaultFleetPolicy, type FleetPolicy } from '../../domain/fleet/policy';
import { decide, type BackendFacts } from '../../domain/fleet/scaling';
import type { Reconciliation } from '../../prisma/fleet-store';
import type { Store } from '../../prisma/store';

export const organizationId = '3f0e0c1e-5a76-4a6e-9a53-1d1f4b7e2c01';
export const profile = { name: 'default', revision: 1 };

/** A configuration as a team writes it. */
export function configuration(members: Record<string, unknown> = {}) {
  return gatewayConfiguration(
    { name: 'edge', backend: 'docker', region: 'local', ...members },
    { maxReplicas: defaultFleetPolicy.maxReplicas },
  );
}

/** What tests do to gateways in a store. */
export function fleetOn(store: Store) {
  const { fleet } = store;
  return {
    async create(members: Record<string, unknown> = {}, organization = organizationId): Promise<FleetGateway> {
      return await fleet.gateways.create({
        id: randomUUID(),
        organizationId: organization,
        configuration: configuration(members),
        profile,
        actor: 'ada',
      });
    },

    async reconcile(
      gateway: FleetGateway,
      {
        now = new Date(),
        policy = {},
        backend = {},
      }: {
        now?: Date;
        policy?: Partial<FleetPolicy>;
        backend?: Partial<BackendFacts>;
      } = {},
    ): Promise<Reconciliation> {
      const facts = {
        now,
        backend: { available: true, loadBalancer: false, ...backend },
        policy: { ...defaultFleetPolicy, ...policy },
      };
      return await fleet.gateways.reconcile(gateway.organizationId, gateway.id, (row, replicas) =>
        decide(row, replicas, facts),
      );
    },

    /** Takes a replica as far as a state along the ordinary way. */
    async bring({ organizationId: organization, id, num }: FleetReplica, to: FleetReplica['state']): Promise<void> {
      const move = (name: 'provision' | 'retire' | 'end') => fleet.replicas.move(organization, id, name);
      if (to === 'submitted') return;
      await fleet.replicas.note(organization, id, { createPendingAt: new Date() });
      await fleet.replicas.move(organization, id, 'provision', { instanceId: `i-${id}` });
      if (to === 'running')
        await fleet.replicas.join(organization, id, {
          name: `edge-${num}`,
          secretHash: `hash of ${id}`,
          address: `127.0.2.${num + 1}:8080`,
        });
      if (to === 'terminating' || to === 'terminated') await move('retire');
      if (to === 'terminated') await move('end');
    },

    async replicas({ id, organizationId: organization }: FleetGateway): Promise<FleetReplica[]> {
      return await fleet.replicas.list(organization, id);
    },

    /** A gateway that is RUNNING with its replicas in the pool. */
    async running(members: Record<string, unknown> = {}): Promise<FleetGateway> {
      const gateway = await this.create(members);
      const { replicas } = await this.reconcile(gateway);
      for (const replica of replicas) await this.bring(replica, 'running');
      return (await this.reconcile(gateway)).gateway!;
    },

    async messages({ organizationId: organization, id }: FleetGateway): Promise<string[]> {
      const events = await fleet.events.page({ organizationId: organization, within: [id], limit: 1_000 });
      return events.map(({ message }) => message);
    },
  };
}
