import {
  replicaName,
  type FleetEvent,
  type FleetGateway,
  type FleetReplica,
  type GatewayConfiguration,
  type EventTarget,
} from '../domain/fleet/gateway';
import type { GatewayState, ReplicaState } from '../domain/fleet/lifecycle';
import type { ReplicaNotes } from './fleet-store';
import type { FleetEventModel, GatewayModel, GatewayReplicaModel } from './generated/sqlite/models';

/** How a gateway is found: never by its id alone. */
export interface GatewayKey {
  readonly id: string;
  readonly organizationId: string;
}

/** A stored gateway as the rest of Gatewright sees it. */
export function gatewayOf(row: GatewayModel): FleetGateway {
  const configuration = JSON.parse(row.configuration) as GatewayConfiguration;
  return {
    id: row.id,
    organizationId: row.organizationId,
    name: row.name,
    configuration,
    state: row.state as GatewayState,
    statusMessage: row.statusMessage,
    isDefault: row.defaultOrganizationId !== null,
    deletionMarkedAt: row.deletionMarkedAt,
    desiredReplicas: row.desiredReplicas,
    scaleInForced: row.scaleInForced,
    scaleAttempt: row.scaleAttempt,
    lastScaleAttemptAt: row.lastScaleAttemptAt,
    lastUpdateAt: row.lastUpdateAt,
    wildcardDomain: configuration.domain,
    profile: { name: row.profileName, revision: row.profileRevision },
    rollout:
      row.rollout === row.rolloutSettled || row.formerProfileName === null || row.formerProfileRevision === null
        ? null
        : { number: row.rollout, from: { name: row.formerProfileName, revision: row.formerProfileRevision } },
    createdAt: row.createdAt,
    resourceVersion: row.resourceVersion,
  };
}

/** A stored replica of a gateway as the rest of Gatewright sees it. */
export function fleetReplicaOf(row: GatewayReplicaModel): FleetReplica {
  return {
    id: row.id,
    gatewayId: row.gatewayId,
    organizationId: row.organizationId,
    num: row.num,
    generation: row.generation,
    state: row.state as ReplicaState,
    statusMessage: row.statusMessage,
    backend: row.backend,
    region: row.region,
    token: row.token,
    createPendingAt: row.createPendingAt,
    instanceId: row.instanceId,
    ssh:
      row.sshHost === null || row.sshPort === null || row.sshUser === null
        ? null
        : { host: row.sshHost, port: row.sshPort, user: row.sshUser },
    serves: row.serves,
    hostPublicKey: row.hostPublicKey,
    scaleIn: row.scaleIn,
    connectAttempts: row.connectAttempts,
    healthFailures: row.healthFailures,
    appliedProfile:
      row.appliedProfileName === null || row.appliedProfileRevision === null
        ? null
        : { name: row.appliedProfileName, revision: row.appliedProfileRevision },
    rollout: row.rollout,
    createdAt: row.createdAt,
    runningAt: row.runningAt,
    terminatedAt: row.terminatedAt,
    resourceVersion: row.resourceVersion,
  };
}

/** What is noted of a replica, as its row holds it. */
export function notesRow({ ssh, appliedProfile, ...plain }: ReplicaNotes): Partial<GatewayReplicaModel> {
  return {
    ...plain,
    ...(ssh !== undefined && {
      sshHost: ssh?.host ?? null,
      sshPort: ssh?.port ?? null,
      sshUser: ssh?.user ?? null,
    }),
    ...(appliedProfile !== undefined && {
      appliedProfileName: appliedProfile?.name ?? null,
      appliedProfileRevision: appliedProfile?.revision ?? null,
    }),
  };
}

/** A stored event as the rest of Gatewright sees it. */
export function fleetEventOf(row: FleetEventModel): FleetEvent {
  return {
    seq: Number(row.seq),
    id: row.id,
    organizationId: row.organizationId,
    gatewayId: row.gatewayId,
    replicaId: row.replicaId,
    message: row.message,
    recordedAt: row.recordedAt,
    targets: JSON.parse(row.targets) as EventTarget[],
    actor: row.actor,
  };
}

/** The target of events of a gateway. */
export function gatewayTarget({ id, name }: Pick<FleetGateway, 'id' | 'name'>): EventTarget {
  return { type: 'gateway', id, name };
}

/** The target of events of a replica. */
export function replicaTarget(gatewayName: string, { id, num }: Pick<FleetReplica, 'id' | 'num'>): EventTarget {
  return { type: 'gateway-replica', id, name: replicaName(gatewayName, num) };
}
