import type { Versioned } from '../gateway/allocation';
import type { OperationKind, Rename } from '../schema/change';
import type { LintMessage } from '../schema/lint-codes';
import type { CutoverPolicy } from '../rollout/claims';
import type { FailureView } from '../saga';
import type { Actable } from './actions';
import { isTerminal, type DeploymentState } from './states';

/** A deploy request with its deployment: the difference of a branch, on its way into another. */
export interface DeployRequest extends Versioned {
  readonly id: string;
  readonly organizationId: string;
  readonly databaseId: string;
  /** Counts up from 1 in its database, without gaps. */
  readonly number: number;
  readonly branchId: string;
  readonly branch: string;
  readonly intoBranchId: string;
  readonly intoBranch: string;
  readonly notes: string;
  /** Columns that keep their values under another name; those that nobody declared are dropped and added. */
  readonly renames: readonly Rename[];
  readonly actor: string;
  readonly closedBy: string | null;
  readonly closedAt: Date | null;
  /** The time that `deploy` was accepted. */
  readonly deployedAt: Date | null;
  readonly deployment: Deployment;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** How far a request is. Written by its workflow alone, except for what people set. */
export interface Deployment {
  readonly state: DeploymentState;
  readonly autoCutover: boolean;
  readonly autoDeleteBranch: boolean;
  /** Whether somebody asked for instant changes, which cannot be reverted. */
  readonly instant: boolean;
  readonly instantEligible: boolean;
  /** 0 to 0.95. */
  readonly throttle: number;
  /** What the checks found; an error among them keeps it from being deployed. */
  readonly lint: readonly LintMessage[];
  /** Why it failed, was held up, or cannot be deployed. */
  readonly error: FailureView | null;
  /** Null before it was checked. */
  readonly storage: StorageNeed | null;
  /** How it goes over several deployments, where somebody said so; null for the way of its database. */
  readonly cutover: CutoverPolicy | null;
  readonly cutoverActor: string | null;
  readonly cancelActor: string | null;
  readonly revertActor: string | null;
  readonly queuedAt: Date | null;
  readonly submittedAt: Date | null;
  readonly startedAt: Date | null;
  readonly readyToCutoverAt: Date | null;
  readonly cutoverAt: Date | null;
  readonly forceCutoverRequestedAt: Date | null;
  /** When the time for a revert ends; kept over restarts. */
  readonly revertWindowEndsAt: Date | null;
  readonly finishedAt: Date | null;
}

/** What a change takes of the disk of its server for as long as both sides are there. */
export interface StorageNeed {
  readonly bytesNeeded: number;
  /** Null where nobody knows: only of a server on the worker's own host it can be told. */
  readonly bytesFree: number | null;
}

/** The state of one table's share, in PlanetScale's words. */
export const OperationState = {
  pending: 'pending',
  queued: 'queued',
  inProgress: 'in_progress',
  complete: 'complete',
  cancelled: 'cancelled',
  error: 'error',
} as const;
export type OperationState = (typeof OperationState)[keyof typeof OperationState];

/** One object's share of a request. */
export interface DeployOperation {
  readonly id: string;
  readonly requestId: string;
  /** Its place among the others. */
  readonly position: number;
  readonly kind: OperationKind;
  readonly table: string;
  /** Statements with semicolons, for people. */
  readonly ddl: string;
  /** How it is made and why, for people. */
  readonly way: string;
  readonly because: string;
  readonly state: OperationState;
  readonly canDropData: boolean;
  /** 0 to 100. */
  readonly percent: number;
  readonly rowsCopied: number;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
  readonly throttledBy: string | null;
  readonly throttledAt: Date | null;
  readonly recentlyUsedAt: Date | null;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A word on a request. */
export interface DeployReview {
  readonly id: string;
  readonly requestId: string;
  readonly state: 'approved' | 'commented';
  readonly body: string;
  readonly actor: string;
  readonly createdAt: Date;
}

/** Whether something is still to come of it: it is neither closed, nor deployed to its end. What failed its checks is open. */
export function isOpen({ closedAt, deployedAt, deployment }: DeployRequest): boolean {
  return closedAt === null && !(deployedAt !== null && isTerminal(deployment.state));
}

/** As much of a request as tells what can be done with it. */
export function actable(request: DeployRequest, approvalMissing: boolean): Actable {
  return {
    state: request.deployment.state,
    deployed: request.deployedAt !== null,
    closed: request.closedAt !== null,
    approvalMissing,
  };
}
