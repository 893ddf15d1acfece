import { randomUUID } from 'node:crypto';
import type { FleetGateway, FleetReplica } from '../../../domain/fleet/gateway';
import { defaultFleetPolicy } from '../../../domain/fleet/policy';
import { decide } from '../../../domain/fleet/scaling';
import type { Store } from '../../../prisma/store';
import { hashSecret } from '../../../prisma/token-secret';

const facts = { backend: { available: true, loadBalancer: false }, policy: defaultFleetPolicy };

/** What a gateway's workflow does when it looks; replicas are left to {@link run} and {@link finish}. */
export async function reconcile({ fleet }: Store, { organizationId, id }: FleetGateway): Promise<FleetReplica[]> {
  const done = await fleet.gateways.reconcile(organizationId, id, (gateway, replicas) =>
    decide(gateway, replicas, { ...facts, now: new Date() }),
  );
  const retiring = done.decision?.retire ?? [];
  for (const { replicaId } of retiring) await finish({ fleet } as Store, organizationId, replicaId);
  return [...done.replicas];
}

/** Makes a replica RUNNING, as its workflow would. */
export async function run({ fleet }: Store, { organizationId, id, num }: FleetReplica): Promise<void> {
  await fleet.replicas.move(organizationId, id, 'provision', {
    createPendingAt: new Date(),
    instanceId: `i-${num}`,
    ssh: { host: `192.0.2.${10 + num}`, port: 22, user: 'gatewright' },
    hostPublicKey: 'ssh-ed25519 AAAA',
  });
  await fleet.replicas.join(organizationId, id, {
    name: `replica-${id}`,
    secretHash: hashSecret(randomUUID()),
    address: `192.0.2.${10 + num}:80`,
  });
}

/** Ends a replica, as its workflow would. */
export async function finish({ fleet }: Store, organizationId: string, replicaId: string): Promise<void> {
  await fleet.replicas.move(organizationId, replicaId, 'retire');
  await fleet.replicas.move(organizationId, replicaId, 'end');
}

/** Does what all workflows of a gateway would do, until nothing is left to do. */
export async function settle(store: Store, gateway: FleetGateway): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const replicas = await reconcile(store, gateway);
    const submitted = replicas.filter(({ state }) => state === 'submitted');
    const going = replicas.filter(({ state }) => state === 'terminating');
    for (const replica of submitted) await run(store, replica);
    for (const replica of going) await finish(store, gateway.organizationId, replica.id);
    if (submitted.length + going.length === 0 && round > 1) return;
  }
}
