import { isFailure, type FailureCode } from '../failures';
import type { GatewayState, ReplicaState } from './lifecycle';

/*
 * What people read of gateways and replicas, each text once. They are those of dstack where it has one, so that its
 * command line and whatever reads its events find what they know.
 */

/** Why a gateway is in its state. */
export const gatewayStatus = {
  backendNotAvailable: 'Backend not available',
  noLoadBalancer: 'Backend does not support load balancer operations',
  replicaFailed: 'Failed to provision gateway replica',
} as const;

/** Why a replica is in its state. */
export const replicaStatus = {
  unexpected: 'Unexpected error',
  connect: 'Failed to connect to gateway',
  configure: 'Failed to configure gateway',
  scaledIn: 'Scaled in',
  gatewayFailed: 'Gateway failed',
  gatewayDeleted: 'Gateway is being deleted',
  unhealthy: 'Health check failed',
  machineGone: 'Machine is gone',
  replaced: 'Replaced',
} as const;

/** What an event says. */
export const eventText = {
  gatewayCreated: 'Gateway created. Status: SUBMITTED',
  gatewayDefault: 'Gateway set as project default',
  gatewayUpdated: (fields: readonly string[]) => `Gateway updated. Changed fields: ${fields.join(', ')}`,
  gatewayMarked: 'Gateway marked for deletion',
  gatewayDeleted: 'Gateway deleted',
  gatewayChanged: (from: GatewayState, to: GatewayState, message: string | null) =>
    `Gateway status changed ${change(from, to, message)}`,
  finalScaleOut: (attempts: number) =>
    `Gateway replicas are missing: final replica scale-out attempt (${attempts} of ${attempts})`,
  replicaCreated: 'Gateway replica created. Status: SUBMITTED',
  replaceAsked: 'Gateway replica marked for replacement',
  replicaChanged: (from: ReplicaState, to: ReplicaState, message: string | null) =>
    `Gateway replica status changed ${change(from, to, message)}`,
} as const;

/** What a sweep's events say. */
export const sweepEvent = {
  destroyed: (instanceId: string, why: string) => `Machine ${instanceId} destroyed: ${why}`,
} as const;

/** Why a plan or an apply is refused. */
export const refusal = {
  notInPlace: (name: string) => `Gateway ${name} cannot be updated in-place. Delete it and re-apply.`,
  failed: (name: string) =>
    `Gateway ${name} is in FAILED status and cannot be updated in-place. Delete it and re-apply.`,
  beingDeleted: (name: string) => `Gateway ${name} is being deleted. Try again later.`,
  notRunning: (name: string, state: GatewayState) =>
    `Gateway ${name} is ${state}; its replicas can be replaced once it runs.`,
  changed: 'Failed to apply plan. Resource has been changed. Try again or use force apply.',
  tooManyReplicas: (wanted: number, most: number) =>
    `Cannot provision ${wanted} gateway replicas. This server allows at most ${most}`,
  acmBackend: 'acm certificates can only be used with the aws backend',
} as const;

/** The step of provisioning at which a replica failed, where people have a text for it. */
const stepStatus: Readonly<Record<string, string>> = {
  connect: replicaStatus.connect,
  configure: replicaStatus.configure,
  health: replicaStatus.unhealthy,
};

/** Codes whose own message says more than the step does. */
const telling: ReadonlySet<FailureCode> = new Set<FailureCode>(['SSH_HOST_KEY', 'MACHINE_GONE', 'CLOUD_RECLAIMED']);

/**
 * What a replica's status says after its provisioning failed with `error` at `step`: the step's own text, the failure's
 * message, or that it was unexpected.
 */
export function provisioningStatus(step: string, error: unknown): string {
  const known = stepStatus[step];
  if (isFailure(error) && telling.has(error.code)) return error.message;
  if (known !== undefined) return known;
  return isFailure(error) ? error.message : replicaStatus.unexpected;
}

function change(from: string, to: string, message: string | null): string {
  return `${from.toUpperCase()} -> ${to.toUpperCase()}${message === null ? '' : ` (${message})`}`;
}
