import type { RunPolicy } from '../run-policy';
import type { FailureView } from '../saga';
import type { OperationRef } from '../rollout/contract';
import type { OperationKind, Rename } from '../schema/change';
import type { LintMessage } from '../schema/lint-codes';
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
  /** The share of one deployment in a deploy request. */
  operation: 'deploy.operation',
  /** Who is next for one target branch of one database. */
  queue: 'deploy.queue',
  /** Reads something of a database's server, answers with it, and changes nothing. */
  inspect: 'database.inspect',
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
  /** Present where it is about the share of one deployment alone. */
  readonly operation?: OperationRef;
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
  readonly verifier: PasswordVerifier | null;
}

/** What a server compares a password with. MariaDB and MySQL are one kind and want different ones: both are there. */
export type PasswordVerifier =
  | {
      readonly kind: 'postgresql';
      /** `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>` */
      readonly scramSha256: string;
    }
  | {
      readonly kind: 'mysql';
      /** For MariaDB: `*` and 40 upper-case hex digits. */
      readonly nativePassword: string;
      /** For MySQL: `$A$005$`, 20 characters of salt, 43 of hash; letters, digits, `.` and `/` alone. */
      readonly cachingSha2: string;
    };

/** Input of `deploy.request`. */
export interface DeployLife extends RequestRef, Policies {
  readonly intoBranchId: string;
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
  /** Whether it has the place already: its queue may have been lost meanwhile. */
  readonly holds?: boolean;
}

/** Input of `database.inspect`. */
export interface Inspection extends DatabaseRef {
  readonly policy: RunPolicy;
  readonly look: Look;
}

/** What is looked at. */
export type Look =
  /** Answers with {@link BranchSchema}. */
  | { readonly at: 'schema'; readonly branchId: string }
  /** Answers with {@link WouldChange}: what a request would do, by the checks that it would get. */
  | {
      readonly at: 'change';
      readonly branchId: string;
      readonly intoBranchId: string;
      readonly renames?: readonly Rename[];
    }
  /** What a branch has changed since it was made: answers with {@link WouldChange}. */
  | { readonly at: 'branch'; readonly branchId: string }
  /** What a request would do on each deployment of its database: answers with {@link WouldRollOut}. */
  | {
      readonly at: 'rollout';
      readonly branchId: string;
      readonly intoBranchId: string;
      readonly renames?: readonly Rename[];
    }
  /** What a revert of a request would lose now: answers with {@link WouldLose}. */
  | { readonly at: 'losses'; readonly requestId: string };

/** The schema of a branch as people read it, an object at a time. */
export interface BranchSchema {
  readonly objects: readonly ObjectText[];
}

export interface ObjectText {
  readonly name: string;
  /** Statements with semicolons. */
  readonly text: string;
}

/** What a change would do. */
export interface WouldChange {
  readonly operations: readonly WouldOperate[];
  /** Lines that begin with `+`, `-` or a blank, an object at a time. */
  readonly diff: readonly ObjectText[];
  readonly lint: readonly LintMessage[];
  readonly instantEligible: boolean;
  /** Bytes that the change needs for a while beside what is there. */
  readonly bytesNeeded: number;
}

export interface WouldOperate {
  readonly kind: OperationKind;
  readonly table: string;
  readonly ddl: string;
  readonly way: string;
  readonly because: string;
  readonly canDropData: boolean;
}

/** What a request would do over several deployments. */
export interface WouldRollOut {
  /** Of the first one, whose schema the others should have. */
  readonly diff: readonly ObjectText[];
  /** In the order of the rollout. */
  readonly deployments: readonly WouldDeploy[];
}

/** What a request would do on one deployment. */
export interface WouldDeploy extends Omit<WouldChange, 'diff'> {
  readonly deploymentId: string;
  /** Why nothing could be planned there. */
  readonly error: FailureView | null;
  /** How its schema differs from that of the first, for people; none where it does not. */
  readonly drift: readonly string[];
}

/** What a revert would lose. */
export interface WouldLose {
  readonly losses: readonly {
    readonly table: string;
    readonly column: string | null;
    readonly rows: number;
    readonly message: string;
  }[];
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
