import { provisionRunId, retireRunId, rolloutRunId } from '../../domain/fleet/contract';
import {
  replicaName,
  type FleetEvent,
  type FleetGateway,
  type FleetReplica,
  type GatewayConfiguration,
} from '../../domain/fleet/gateway';
import type { StoredProfile } from '../../prisma/fleet-store';
import type { FieldChange } from '../../domain/fleet/plan';
import type { GatewayWithReplicas, Planned } from './asked';
import type { Condition } from './conditions';

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

/** How the API spells the members of a configuration. */
const spelling: Readonly<Record<string, string>> = { instanceType: 'instance_type', publicIp: 'public_ip' };

/** A configuration as the API spells it, and takes it. */
export function configurationView(configuration: GatewayConfiguration): Record<string, unknown> {
  return Object.fromEntries(Object.entries(configuration).map(([name, value]) => [spelling[name] ?? name, value]));
}

/** A gateway as the API shows it. */
export function gatewayView(
  { gateway, replicas }: GatewayWithReplicas,
  conditions: readonly Condition[],
): Record<string, unknown> {
  return {
    id: gateway.id,
    organization_id: gateway.organizationId,
    name: gateway.name,
    configuration: configurationView(gateway.configuration),
    state: gateway.state,
    status_message: gateway.statusMessage,
    default: gateway.isDefault,
    wildcard_domain: gateway.wildcardDomain,
    desired_replicas: gateway.desiredReplicas,
    profile: gateway.profile,
    rollout: gateway.rollout && { run: rolloutRunId(gateway.id, gateway.rollout.number), from: gateway.rollout.from },
    scale_attempt: gateway.scaleAttempt,
    last_scale_attempt_at: time(gateway.lastScaleAttemptAt),
    deletion_marked_at: time(gateway.deletionMarkedAt),
    created_at: time(gateway.createdAt),
    last_update_at: time(gateway.lastUpdateAt),
    conditions: conditions.map((each) => ({ ...each, since: time(each.since) })),
    replicas: replicas.filter(({ state }) => state !== 'terminated').map((each) => fleetReplicaView(gateway, each)),
    resource_version: gateway.resourceVersion,
  };
}

/** A replica of a gateway as the API shows it. */
export function fleetReplicaView({ name }: Pick<FleetGateway, 'name'>, replica: FleetReplica): Record<string, unknown> {
  return {
    id: replica.id,
    num: replica.num,
    generation: replica.generation,
    name: replicaName(name, replica.num),
    state: replica.state,
    status_message: replica.statusMessage,
    backend: replica.backend,
    region: replica.region,
    instance_id: replica.instanceId,
    ssh: replica.ssh && { host: replica.ssh.host, port: replica.ssh.port, user: replica.ssh.user },
    host_key: replica.hostPublicKey,
    address: replica.serves,
    scale_in: replica.scaleIn,
    connect_attempts: replica.connectAttempts,
    health_failures: replica.healthFailures,
    applied_profile: replica.appliedProfile,
    rollout: replica.rollout,
    runs: { provision: provisionRunId(replica.id), retire: retireRunId(replica.id) },
    created_at: time(replica.createdAt),
    running_at: time(replica.runningAt),
    terminated_at: time(replica.terminatedAt),
    resource_version: replica.resourceVersion,
  };
}

/** A plan as the API shows it. */
export function planView({ action, changes, noChanges, current, configuration }: Planned): Record<string, unknown> {
  return {
    action,
    no_changes: noChanges,
    changes: changes.map(({ field, from, to, inPlace }: FieldChange) => ({
      ...{ field: spelling[field] ?? field, from, to },
      in_place: inPlace,
    })),
    configuration: configurationView(configuration),
    resource_version: current?.resourceVersion ?? null,
  };
}

/** An event as the API shows it. */
export function fleetEventView(event: FleetEvent): Record<string, unknown> {
  return {
    seq: event.seq,
    id: event.id,
    organization_id: event.organizationId,
    gateway_id: event.gatewayId,
    replica_id: event.replicaId,
    message: event.message,
    recorded_at: time(event.recordedAt),
    targets: event.targets,
    actor: event.actor,
  };
}

/** A revision of a profile as the API shows it. */
export function profileView({ name, revision, document, createdAt }: StoredProfile): Record<string, unknown> {
  return { name, revision, document, created_at: time(createdAt) };
}
