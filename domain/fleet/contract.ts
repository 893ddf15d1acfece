import type { RunPolicy } from '../run-policy';
import type { ProfileRevision } from './gateway';
import type { FailureView } from '../saga';
import type { FleetPolicy } from './policy';

/** The workflow types of the fleet. Those that are sagas are also the kinds of their runs. */
export const FleetWorkflow = {
  /** A gateway's life. */
  gateway: 'fleet.gateway',
  /** A replica's life. */
  replica: 'fleet.replica',
  /** A saga: a machine is made and joins the pool. */
  provision: 'fleet.provision',
  /** A saga, forward only: a replica leaves the pool and its machine is destroyed. */
  retire: 'fleet.retire',
  /** A saga: the replicas of a gateway get another revision of its profile, one after the other. */
  rollout: 'fleet.rollout',
  /** Looks for machines without a replica, replicas without a machine, and either without a workflow. */
  sweep: 'fleet.sweep',
} as const;
export type FleetWorkflow = (typeof FleetWorkflow)[keyof typeof FleetWorkflow];

export interface GatewayRef {
  readonly organizationId: string;
  readonly gatewayId: string;
}

export interface ReplicaRef extends GatewayRef {
  readonly replicaId: string;
}

/** Durations and bounds; they travel in the input, so that what is under way keeps those it began with. */
export interface FleetPolicies {
  readonly policy: RunPolicy;
  readonly fleet: FleetPolicy;
}

/** Input of `fleet.gateway`. */
export interface GatewayLife extends GatewayRef, FleetPolicies {
  /** Replicas whose workflow this gateway's has started; carried over when the workflow continues as new. */
  readonly started?: readonly string[];
  /** The last change of the profile whose rollout it has started; carried over likewise. */
  readonly rolledOut?: number;
}

/** Input of `fleet.replica`. */
export interface ReplicaLife extends ReplicaRef, FleetPolicies {}

/** Input of `fleet.provision`. */
export interface Provision extends ReplicaRef, FleetPolicies {}

/** Input of `fleet.retire`. */
export interface Retire extends ReplicaRef, FleetPolicies {}

/** Input of `fleet.rollout`. */
export interface Rollout extends GatewayRef, FleetPolicies {
  /** The number of the change of the gateway's profile; a rollout of an older one changes nothing any more. */
  readonly number: number;
  readonly from: ProfileRevision;
  readonly to: ProfileRevision;
}

/** Input of `fleet.sweep`. */
export interface Sweep extends FleetPolicies {
  /** Whether it only says what it would do. */
  readonly dryRun: boolean;
}

/** A machine of ours that belongs to no replica. */
export interface OrphanFound {
  readonly backend: string;
  readonly region: string;
  readonly instanceId: string;
  /** The replica that it says it is of; null when it says none. */
  readonly replicaId: string | null;
  readonly why: string;
}

/** Result of `fleet.sweep`: what it found, and did something about unless it was a dry run. */
export interface SweepReport {
  readonly dryRun: boolean;
  /** Machines that belonged to no replica; destroyed. */
  readonly orphans: readonly OrphanFound[];
  /** Such machines that are left alone as yet: they are so young that their replica may be about to be written. */
  readonly tooYoung: readonly OrphanFound[];
  /** Replicas whose machine is gone; given up, so that they are replaced. */
  readonly lost: readonly ReplicaRef[];
  /** Backends that could not be looked at. */
  readonly unreachable: readonly { readonly backend: string; readonly error: FailureView }[];
}

/** The id of the Temporal Schedule that sweeps. */
export const sweepScheduleId = 'gatewright-sweep';

/** The task queue of the activities that wait for as long as a replica lives. */
export const watchTaskQueue = 'gatewright-watch';

/** The id of the sweep that a person asks for: one of each kind at a time. */
export function sweepWorkflowId({ dryRun }: Pick<Sweep, 'dryRun'>): string {
  return dryRun ? 'sweep-dry-run' : 'sweep';
}

export function gatewayWorkflowId(gatewayId: string): string {
  return `gateway-${gatewayId}`;
}

export function replicaWorkflowId(replicaId: string): string {
  return `replica-${replicaId}`;
}

/** The id of the one provisioning run that a replica has; a replacement is another replica. */
export function provisionRunId(replicaId: string): string {
  return `provision-${replicaId}`;
}

/** The id of the rollout of a change of a gateway's profile. */
export function rolloutRunId(gatewayId: string, number: number): string {
  return `rollout-${gatewayId}-${number}`;
}

export function retireRunId(replicaId: string): string {
  return `retire-${replicaId}`;
}
