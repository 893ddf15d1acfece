import type { DeployOperation } from '../domain/deploy/request';
import type { ApplyEvent, ApplyOperation, ApplyRecord, Asked, DeploymentRecord } from '../domain/rollout/apply';
import type { Decided, OperationNotes } from '../domain/rollout/decided';
import type { Override } from '../domain/rollout/gates';
import type { Lock, Locking, Wanted } from '../domain/rollout/locks';
import type { OperationMoveName } from '../domain/rollout/moves';
import type { Page, PageOf } from './deploy-store';

/** The deployments of the databases of one organization. */
export interface Deployments {
  /**
   * Adds one to a database; the default branch's own is entered before the first that is added.
   * @throws Failure NOT_FOUND for no such database; CONFLICT (data: reason 'UniqueViolation') for a name, or a server and
   * schema, that is taken; STATE_CONFLICT while a deploy of the database is under way.
   */
  add(deployment: NewDeployment): Promise<DeploymentRecord>;
  /** In the order of the rollout: by the order of environments, then by position. None where only the default branch's own is there. */
  list(organizationId: string, databaseId: string): Promise<DeploymentRecord[]>;
  get(organizationId: string, databaseId: string, id: string): Promise<DeploymentRecord | null>;
  /** @throws Failure NOT_FOUND; CONFLICT */
  update(
    organizationId: string,
    databaseId: string,
    id: string,
    change: Partial<Pick<DeploymentRecord, 'name' | 'environment' | 'position'>>,
    version?: number,
  ): Promise<DeploymentRecord>;
  /** Its schema stays as it is. @throws Failure STATE_CONFLICT for the default branch's own while there are others, and while a deploy is under way. */
  remove(organizationId: string, databaseId: string, id: string): Promise<void>;
}

export type NewDeployment = Pick<
  DeploymentRecord,
  'id' | 'organizationId' | 'databaseId' | 'name' | 'environment' | 'server' | 'schema'
>;

/** The deploys over several deployments. */
export interface Applies {
  /**
   * Enters an apply with an operation for each deployment, all of them `pending`. Repeating it with the same id gives the
   * same one. @throws Failure NOT_FOUND for no such database; CONFLICT for a deployment that is named twice (data: reason
   * 'UniqueViolation'), or where the database has one that is not named.
   */
  create(apply: NewApply, operations: readonly NewApplyOperation[]): Promise<ApplyRecord>;
  get(organizationId: string, id: string): Promise<ApplyRecord | null>;
  /** Newest first. */
  list(
    organizationId: string,
    databaseId: string,
    filter: PageOf & { readonly state?: string },
  ): Promise<Page<ApplyRecord>>;
  /**
   * As they are stored, whatever they hold, by position where they have one; readApplyOperation of
   * domain/rollout/apply-row.ts reads them.
   */
  rows(organizationId: string, applyId: string): Promise<readonly unknown[]>;
  /** What all operations of an apply do, and how far that is; `requestId` of each is the id of its operation. */
  tasks(organizationId: string, applyId: string): Promise<DeployOperation[]>;
  /** One that can be read. @throws Failure NOT_FOUND; CONFLICT (data: reason 'Unreadable'), retryable, saying what is wrong with its row. */
  operation(organizationId: string, operationId: string): Promise<ApplyOperation>;
  /**
   * Moves an operation on, and in the same transaction its apply: the verdict is found from all rows anew and written by
   * compare-and-swap. Repeating a move that ended there changes nothing but the notes. Several moves are made one after
   * the other, all or none.
   * @throws Failure STATE_CONFLICT (data: state, epoch) for another epoch, or where the move is not possible; CONFLICT
   * (data: reason 'Unreadable'), retryable, while its row holds what it should not.
   */
  move(
    key: OperationKey,
    moves: OperationMoveName | readonly OperationMoveName[],
    notes?: OperationNotes,
  ): Promise<Moved>;
  /** Notes something without a move. @throws Failure STATE_CONFLICT for another epoch. */
  note(key: OperationKey, notes: OperationNotes): Promise<void>;
  /** Notes that the workflow of an epoch is there, has ended, or is gone; one of an earlier epoch changes nothing. */
  mark(key: OperationKey, worker: 'alive' | 'none' | 'lost'): Promise<void>;
  /**
   * What is decided of an apply, all in one transaction under its lock: `decide` sees its rows as they are then.
   * Claimed operations get the next epoch. @returns what was decided, with the epochs that hold now, and the apply then.
   */
  decide<T extends Decided>(
    organizationId: string,
    applyId: string,
    decide: (apply: ApplyRecord, rows: readonly unknown[], overrides: readonly Override[]) => T,
  ): Promise<{ readonly decided: T; readonly claimed: readonly OperationKey[]; readonly apply: ApplyRecord }>;
  /** Notes what people asked, or takes it back with null. @throws Failure NOT_FOUND */
  ask(organizationId: string, applyId: string, asked: Partial<Asked>): Promise<ApplyRecord>;
  /** Lets those behind a failure go on. @returns how many failures were released. */
  release(organizationId: string, applyId: string): Promise<number>;
  /** Gives an operation that failed for now a fresh budget; all of them where none is named. */
  retry(organizationId: string, applyId: string, operationId?: string): Promise<number>;
  /** Finds the state of an apply anew. */
  recompute(organizationId: string, applyId: string): Promise<ApplyRecord>;
  /** Those of every organization that are not settled, oldest first. */
  unfinished(): Promise<ApplyRecord[]>;
  /** The events after one, oldest first; of one apply, or of all of an organization. */
  events(organizationId: string, after: number, applyId?: string, limit?: number): Promise<ApplyEvent[]>;
  override(organizationId: string, applyId: string, override: Override): Promise<void>;
  overrides(organizationId: string, applyId: string): Promise<Override[]>;
}

export interface OperationKey {
  readonly organizationId: string;
  readonly operationId: string;
  readonly epoch: number;
}

export type NewApply = Pick<ApplyRecord, 'id' | 'organizationId' | 'databaseId' | 'number' | 'settings'>;

export type NewApplyOperation = Pick<
  ApplyOperation,
  'id' | 'deploymentId' | 'deployment' | 'environment' | 'server' | 'schema' | 'position' | 'onFailure'
>;

/** An operation and its apply after a move. */
export interface Moved {
  readonly operation: ApplyOperation;
  readonly apply: ApplyRecord;
}

/** Who may change the schema of which deployments. */
export interface SchemaLocks {
  /** @throws Failure LOCK_HELD, INVALID_INPUT as {@link lockFor} does; NOT_FOUND for no such database. */
  acquire(organizationId: string, wanted: Omit<Wanted, 'at'>): Promise<Locking>;
  /** @throws Failure LOCK_HELD, INVALID_INPUT */
  release(organizationId: string, wanted: Omit<Wanted, 'at'>): Promise<void>;
  list(organizationId: string, databaseId: string): Promise<Lock[]>;
}

/** Everything that is kept of rollouts. */
export interface RolloutStore {
  readonly deployments: Deployments;
  readonly applies: Applies;
  readonly locks: SchemaLocks;
}
