import type { RunPolicy } from '../run-policy';
import type { FailureView } from '../saga';
import type { BranchRole } from './database';
import type { DeployPolicy, DeploymentState } from './states';

/** The workflow types of databases and deploy requests. All but the queue are sagas, and the kinds of their runs. */
export const DeployWorkflow = {
  createDatabase: 'database.create',
  deleteDatabase: 'database.delete',
  createBranch: 'branch.create',
  deleteBranch: 'branch.delete',
  /** Makes or drops an account of a branch. */
  password: 'branch.password',
  request: 'deploy.request',
  /** Who is next for one target branch of one database. */
  queue: 'deploy.queue',
} as const;
export type DeployWorkflow = (typeof DeployWorkflow)[keyof typeof DeployWorkflow];

interface Policies {
  readonly policy: RunPolicy;
  readonly deploy: DeployPolicy;
}

export interface DatabaseRef {
  readonly organizationId: string;
  readonly databaseId: string;
}

export interface BranchRef extends DatabaseRef {
  readonly branchId: string;
}

export interface RequestRef extends DatabaseRef {
  readonly requestId: string;
  readonly number: number;
}

/** Input of `database.create` and `database.delete`. */
export interface DatabaseLife extends DatabaseRef, Policies {}

/** Input of `branch.create` and `branch.delete`. */
export interface BranchLife extends BranchRef, Policies {}

/** Input of `branch.password`. */
export interface PasswordLife extends BranchRef, Policies {
  readonly passwordId: string;
  readonly username: string;
  readonly role: BranchRole;
  /** What the server compares a password with; the password itself is in no history. Null where the account goes. */
  readonly verifier: string | null;
}

/** Input of `deploy.request`. */
export interface DeployLife extends RequestRef, Policies {
  readonly intoBranchId: string;
  /** What was asked for before it continued as new. */
  readonly carried?: Readonly<Record<string, unknown>>;
}

/** Input of `deploy.queue`. */
export interface QueueLife extends DatabaseRef {
  readonly intoBranchId: string;
  /** Who waits, first come first; the first has the place. */
  readonly waiting?: readonly QueueTicket[];
}

export interface QueueTicket {
  readonly requestId: string;
  readonly number: number;
  readonly workflowId: string;
}

/** What the queue tells those who wait, whenever it changes. */
export interface QueuePlace {
  /** Requests before it, first come first; none where it has the place. */
  readonly preceding: readonly number[];
}

/** Names of the signals and updates of `deploy.request`; each signal also is an update, with a validator. */
export const DeploySignal = {
  deploy: 'deploy',
  cancel: 'cancel',
  applyDeploy: 'applyDeploy',
  forceCutover: 'forceCutover',
  revert: 'revert',
  skipRevert: 'skipRevert',
  completeDeploy: 'completeDeploy',
  close: 'close',
  setThrottle: 'setThrottle',
  setAutoApply: 'setAutoApply',
} as const;
export type DeploySignal = (typeof DeploySignal)[keyof typeof DeploySignal];

/** What comes with every one of them. */
export interface Told {
  /** Who says it: the label of a token. */
  readonly by: string;
  /** For `deploy`: whether it is to be made instantly. */
  readonly instant?: boolean;
  /** For `setThrottle`: 0 to 0.95. */
  readonly ratio?: number;
  /** For `setAutoApply`. */
  readonly enable?: boolean;
  /** For `revert`: whether what it loses is accepted. */
  readonly acceptLosses?: boolean;
}

/** The answer of every update, and of the query `deployment`. */
export interface DeploymentNow {
  readonly state: DeploymentState;
  readonly preceding: readonly number[];
  readonly error: FailureView | null;
}

export function requestRunId({ databaseId, number }: RequestRef): string {
  return `deploy-${databaseId}-${number}`;
}

export function queueWorkflowId({ databaseId, intoBranchId }: Pick<QueueLife, 'databaseId' | 'intoBranchId'>): string {
  return `deploy-queue-${databaseId}-${intoBranchId}`;
}

export function databaseRunId(kind: 'create' | 'delete', databaseId: string): string {
  return `database-${kind}-${databaseId}`;
}

export function branchRunId(kind: 'create' | 'delete', branchId: string): string {
  return `branch-${kind}-${branchId}`;
}

export function passwordRunId(passwordId: string, kind: 'create' | 'delete'): string {
  return `password-${kind}-${passwordId}`;
}
