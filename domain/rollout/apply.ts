import type { Blame } from './operation';
import type { CutoverPolicy } from './claims';
import type { FailurePolicy } from './policy';
import type { Outcome } from './verdict';
import type { ApplyState } from './states';
import type { Versioned } from '../gateway/allocation';

/**
 * A place of a database: a schema of its own on some server, changed by the same deploy requests as the others. The first
 * one is that of the default branch; a database that has no more than this one is changed without an apply.
 */
export interface DeploymentRecord extends Versioned {
  readonly id: string;
  readonly organizationId: string;
  readonly databaseId: string;
  /** Unique in its database. */
  readonly name: string;
  /** As `production`; which of them comes first is said by {@link RolloutSettings.environments}. */
  readonly environment: string;
  /** The name of the secret that holds the URL of its server. */
  readonly server: string;
  readonly schema: string;
  /** Its place among the others of its environment; the default branch's own has 0. */
  readonly position: number;
  readonly createdAt: Date;
}

/** How the deploy requests of a database go over its deployments. */
export interface RolloutSettings {
  /** Environments, the first to be changed first; none where they are not kept apart. */
  readonly environments: readonly string[];
  readonly onFailure: FailurePolicy;
  readonly cutover: CutoverPolicy;
  /** How many may copy at once under a barrier. */
  readonly copies: number;
  /** Whether all are kept revertable until the last is live. */
  readonly revertTogether: boolean;
}

export const defaultRolloutSettings: RolloutSettings = {
  environments: [],
  onFailure: 'halt',
  cutover: 'sequential',
  copies: 4,
  revertTogether: true,
};

/** What people asked of an apply, each with who did; null where nobody did, or it is over. */
export interface Asked {
  /** What is not live yet is to rest as it is. */
  readonly stop: string | null;
  /** Nothing new is to begin. */
  readonly pause: string | null;
  /** Where people say when it cuts over: whoever said so. */
  readonly cutOver: string | null;
  readonly cancel: string | null;
  readonly revert: string | null;
  readonly acceptLosses: boolean;
  /** The rest of the revert window is not wanted. */
  readonly skipRevert: string | null;
}

/** The deploy of one request over several deployments; it has the request's id and number. */
export interface ApplyRecord extends Versioned, Outcome {
  readonly id: string;
  readonly organizationId: string;
  readonly databaseId: string;
  readonly number: number;
  /** How many operations it has; while one is missing it does not end. */
  readonly expected: number;
  /** Whether its state was found from all its operations, rather than kept from before. */
  readonly determined: boolean;
  /** The rows that are in the way of the truth. */
  readonly blamed: readonly Blame[];
  readonly settings: RolloutSettings;
  readonly asked: Asked;
  readonly startedAt: Date | null;
  /** When the time for a revert ends; null until nothing more can cut over. */
  readonly revertWindowEndsAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What an operation's workflow is told to do next; it is kept in its row, so that one that is begun again knows. */
export const Wanted = {
  cutOver: 'cut_over',
  stop: 'stop',
  cancel: 'cancel',
  revert: 'revert',
  skipRevert: 'skip_revert',
} as const;
export type Wanted = (typeof Wanted)[keyof typeof Wanted];

/** The share of one deployment in an apply. */
export interface ApplyOperation extends Versioned {
  readonly id: string;
  readonly applyId: string;
  readonly deploymentId: string;
  readonly deployment: string;
  readonly environment: string;
  readonly server: string;
  readonly schema: string;
  /** Its place in the rollout, from 0. */
  readonly position: number;
  readonly state: ApplyState;
  readonly onFailure: FailurePolicy;
  readonly released: boolean;
  /** Counts the workflows that were begun for it; the writes of all but the last are refused. */
  readonly epoch: number;
  /** `claimed` until the workflow of this epoch has said that it is there; `lost` once it is known that it is gone. */
  readonly worker: 'none' | 'claimed' | 'alive' | 'lost';
  readonly wanted: Wanted | null;
  readonly attempts: number;
  readonly firstFailedAt: Date | null;
  /** Why it failed, or what holds it up. */
  readonly error: string | null;
  readonly errorCode: string | null;
  /** Why it does not go on, for people; null while it does, or has nothing to wait for. */
  readonly waits: string | null;
  readonly startedAt: Date | null;
  readonly cutOverAt: Date | null;
  readonly completedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A change of state that was recorded; those of one apply are in their order. */
export interface ApplyEvent {
  /** Counts up over all applies. */
  readonly seq: number;
  readonly applyId: string;
  /** Null for a change of the apply itself. */
  readonly operationId: string | null;
  /** The apply's resource version after it: for changes of the apply contiguous. */
  readonly version: number;
  readonly from: ApplyState;
  readonly to: ApplyState;
  readonly at: Date;
  /** For people. */
  readonly text: string;
}
