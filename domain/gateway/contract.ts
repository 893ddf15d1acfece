import type { RunPolicy } from '../run-policy';

/** The kinds of run that concern gateways; also the workflow types. */
export const RunKind = { start: 'gateway.start', stop: 'gateway.stop', move: 'gateway.move' } as const;
export type RunKind = (typeof RunKind)[keyof typeof RunKind];

/** Where an activity runs: in the workflow's own worker without a round trip (`local`), or dispatched by the server. */
export type Placement = 'local' | 'regular';

/** The placement of each group of steps; it travels in the input, so that a run in flight never changes its mind. */
export interface Placements {
  /** allocate, route, stopping and the run's own records: one short transaction each. */
  readonly store: Placement;
  readonly dns: Placement;
  readonly handshake: Placement;
}

/** Input of the workflow `gateway.start`. Every id is minted before the first step. */
export interface StartGateway {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly zone: string;
  readonly placements: Placements;
  readonly policy: RunPolicy;
}

/** Result of the workflow `gateway.start`. */
export interface GatewayStarted {
  readonly allocationId: string;
  readonly organizationId: string;
  readonly hostname: string;
  readonly replicaId: string;
  readonly address: string;
  readonly epoch: number;
}

/** Input of the workflow `gateway.stop`. */
export interface StopGateway {
  readonly organizationId: string;
  readonly allocationId: string;
  readonly zone: string;
  readonly placements: Placements;
  readonly policy: RunPolicy;
}

export interface GatewayStopped {
  readonly allocationId: string;
  readonly organizationId: string;
  readonly hostname: string;
}

/** A replica as an allocation holds it. */
export interface Held {
  readonly replicaId: string;
  readonly epoch: number;
}

/** Input of the workflow `gateway.move`. */
export interface MoveGateway {
  readonly organizationId: string;
  readonly allocationId: string;
  /** Minted for this attempt at moving it. */
  readonly moveId: string;
  /** What it is moved away from; an allocation that is elsewhere by then is left alone. */
  readonly from: Held;
  readonly policy: RunPolicy;
}

/** Result of the workflow `gateway.move`: what the allocation has now. */
export interface GatewayMoved extends Held {
  readonly allocationId: string;
  readonly address: string;
}

/** The task queue of workflows and of activities that any worker may run. */
export const taskQueue = 'gatewright';

/** The task queue that the workers on an edge's host serve. */
export function edgeTaskQueue(edge: string): string {
  return `gatewright-edge-${edge}`;
}

/** The workflow id of the start of an allocation. */
export function startRunId(allocationId: string): string {
  return `gateway-start-${allocationId}`;
}

/**
 * The workflow id of a stop of an allocation; one stop per allocation can ever succeed. A stop that was taken back keeps
 * its id and its history, so the next one counts as the second `attempt`, and so on.
 */
export function stopRunId(allocationId: string, attempt = 1): string {
  return `gateway-stop-${allocationId}${attempt === 1 ? '' : `-${attempt}`}`;
}

/** The workflow id of a move of an allocation. */
export function moveRunId(moveId: string): string {
  return `gateway-move-${moveId}`;
}

/** Names and types of the search attributes that runs carry; temporal-dev.yaml registers the same. */
export const searchAttributes = {
  SagaState: 'KEYWORD',
  SagaKind: 'KEYWORD',
  OrganizationId: 'KEYWORD',
  NeedsAttentionSince: 'DATETIME',
  AttentionSeverity: 'KEYWORD',
  DeployDatabase: 'KEYWORD',
  DeployBranch: 'KEYWORD',
  DeployNumber: 'INT',
  DeployState: 'KEYWORD',
} as const;
