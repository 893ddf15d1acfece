import type { BranchPassword, BranchRecord, DatabaseRecord, DatabaseSettings } from '../domain/deploy/database';
import type { DeployOperation, Deployment, DeployRequest, DeployReview } from '../domain/deploy/request';
import type { DeploymentMoveName } from '../domain/deploy/states';

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}

export interface PageOf {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** Databases. Every method is one transaction and sees the named organization's databases alone. */
export interface Databases {
  /**
   * Enters a database as `pending` with its first branch; repeating it with the same id gives the same one.
   * @throws Failure CONFLICT (data: reason 'UniqueViolation') when the organization has another of that name.
   */
  create(database: NewDatabase): Promise<DatabaseRecord>;
  get(organizationId: string, databaseId: string): Promise<DatabaseRecord | null>;
  named(organizationId: string, name: string): Promise<DatabaseRecord | null>;
  /** By name; `q` filters by a part of the name. */
  list(organizationId: string, page: PageOf & { readonly q?: string }): Promise<Page<DatabaseRecord>>;
  /** @throws Failure NOT_FOUND; CONFLICT (data: currentVersion, or reason 'UniqueViolation'). */
  update(organizationId: string, databaseId: string, change: DatabaseChange, version?: number): Promise<DatabaseRecord>;
  /** Removes the row with everything that belongs to it; repeating it changes nothing. */
  remove(organizationId: string, databaseId: string): Promise<void>;
  /** The ids of organizations that have a database, sorted. */
  organizations(): Promise<string[]>;
  /** Those of every organization that are pending or deleting: their workflow should run. */
  unfinished(): Promise<DatabaseRecord[]>;
}

export interface NewDatabase extends Pick<
  DatabaseRecord,
  'id' | 'organizationId' | 'name' | 'kind' | 'server' | 'settings' | 'notes'
> {
  readonly branch: NewBranch;
}

export type DatabaseChange = Partial<
  Pick<DatabaseRecord, 'name' | 'state' | 'defaultBranch' | 'notes' | 'schemaChangedAt'>
> & { readonly settings?: Partial<DatabaseSettings> };

/** Branches, of the named database of the named organization alone. */
export interface Branches {
  /** Enters a branch as `pending`; repeating it with the same id gives the same one.
   * @throws Failure CONFLICT (data: reason 'UniqueViolation') when there is another of that name; NOT_FOUND for no such database. */
  create(organizationId: string, databaseId: string, branch: NewBranch): Promise<BranchRecord>;
  /** Deleted ones included. */
  get(organizationId: string, databaseId: string, branchId: string): Promise<BranchRecord | null>;
  /** One that is not deleted. */
  named(organizationId: string, databaseId: string, name: string): Promise<BranchRecord | null>;
  /** Those that are not deleted, oldest first. */
  list(
    organizationId: string,
    databaseId: string,
    page: PageOf & { readonly q?: string; readonly production?: boolean; readonly safeMigrations?: boolean },
  ): Promise<Page<BranchRecord>>;
  /** @throws Failure NOT_FOUND; CONFLICT (data: currentVersion) */
  update(
    organizationId: string,
    databaseId: string,
    branchId: string,
    change: Partial<Pick<BranchRecord, 'state' | 'production' | 'safeMigrations' | 'schemaChangedAt'>>,
    version?: number,
  ): Promise<BranchRecord>;
  /** Notes that it is deleted, and its passwords with it; its name is free then. Repeating it changes nothing. */
  remove(organizationId: string, databaseId: string, branchId: string, by: string): Promise<void>;
  /** The schema that a branch was made with, canonical JSON; null before it was made. */
  base(organizationId: string, databaseId: string, branchId: string): Promise<string | null>;
  /** @throws Failure NOT_FOUND for no such branch. */
  setBase(organizationId: string, databaseId: string, branchId: string, model: string): Promise<void>;
  /** Those of every organization that are pending or deleting, except the first branch of a database. */
  unfinished(): Promise<BranchRecord[]>;
}

export type NewBranch = Pick<
  BranchRecord,
  'id' | 'name' | 'parent' | 'schema' | 'adopted' | 'production' | 'safeMigrations' | 'createdBy'
>;

/** Accounts of branches. */
export interface BranchPasswords {
  /** Repeating it with the same id gives the same one. @throws Failure NOT_FOUND for no such branch, or a deleted one. */
  create(password: Omit<BranchPassword, 'createdAt' | 'deletedAt'>): Promise<BranchPassword>;
  get(organizationId: string, branchId: string, passwordId: string): Promise<BranchPassword | null>;
  /** Those that are not deleted, newest first. */
  list(organizationId: string, branchId: string, page: PageOf): Promise<Page<BranchPassword>>;
  remove(organizationId: string, branchId: string, passwordId: string): Promise<void>;
  /** Those whose time is over and which are not deleted, of every organization. */
  expired(now: Date): Promise<BranchPassword[]>;
}

/** Deploy requests, of the named database of the named organization alone. */
export interface DeployRequests {
  /**
   * Opens a request as `pending` under its database's next number: consecutive whoever asks at the same time. Repeating it
   * with the same id gives the same one.
   * @throws Failure NOT_FOUND for no such database.
   */
  open(request: NewDeployRequest): Promise<DeployRequest>;
  get(organizationId: string, databaseId: string, number: number): Promise<DeployRequest | null>;
  byId(organizationId: string, requestId: string): Promise<DeployRequest | null>;
  /** Newest first. */
  list(organizationId: string, databaseId: string, filter: DeployRequestFilter): Promise<Page<DeployRequest>>;
  /**
   * Moves a deployment on by the table of domain/deploy/states.ts, with what is noted at the same moment. Repeating a move
   * that ended there changes nothing but the notes.
   * @throws Failure STATE_CONFLICT (data: state); NOT_FOUND.
   */
  move(
    organizationId: string,
    requestId: string,
    move: DeploymentMoveName,
    notes?: DeploymentNotes,
  ): Promise<DeployRequest>;
  /** Notes something without a move. @throws Failure NOT_FOUND */
  note(organizationId: string, requestId: string, notes: DeploymentNotes): Promise<DeployRequest>;
  /**
   * Closes a request that was never deployed; exactly one of `close` and `deployed` ever succeeds. Repeating it for the
   * same person changes nothing.
   * @throws Failure STATE_CONFLICT (as `refusalOf` says it); NOT_FOUND.
   */
  close(organizationId: string, requestId: string, by: string): Promise<DeployRequest>;
  /**
   * Accepts `deploy`: in one write, a request that is `ready` becomes `queued`, with the times of both. Repeating it while
   * it is queued changes nothing, so that an attempt whose answer was lost can be made again.
   * @throws Failure STATE_CONFLICT (as `refusalOf` says it) when it is not ready, or was closed or deployed before; NOT_FOUND.
   */
  deployed(organizationId: string, requestId: string, instant: boolean): Promise<DeployRequest>;
  /**
   * The plan as JSON, null before there is one; what the workflow made of both schemas.
   * @param owner the id of a request, or of the operation of an apply: each of those has a plan of its own.
   */
  plan(organizationId: string, owner: string): Promise<string | null>;
  /** Writes a plan with its operations, each `pending`, in the place of any earlier one. @throws Failure NOT_FOUND */
  setPlan(organizationId: string, owner: string, plan: string, operations: readonly NewOperation[]): Promise<void>;
  /** `requestId` of each is the owner. */
  operations(organizationId: string, owner: string): Promise<DeployOperation[]>;
  /** Writes how far operations are, by their tables; the others stay as they are. @throws Failure NOT_FOUND */
  report(organizationId: string, owner: string, reports: Readonly<Record<string, OperationReport>>): Promise<void>;
  /** Those of every organization whose workflow should run, oldest first: not closed, and not terminal or holding a place. */
  unfinished(): Promise<DeployRequest[]>;
  /** Those of one database that hold a place or wait for one, in the order in which `deploy` was accepted. */
  inLine(organizationId: string, databaseId: string): Promise<DeployRequest[]>;
  /** Repeating it with the same id gives the same one. @throws Failure NOT_FOUND for no such request. */
  review(review: Omit<DeployReview, 'createdAt'> & { readonly organizationId: string }): Promise<DeployReview>;
  /** Oldest first. */
  reviews(organizationId: string, requestId: string): Promise<DeployReview[]>;
}

export type NewDeployRequest = Pick<
  DeployRequest,
  'id' | 'organizationId' | 'databaseId' | 'branchId' | 'branch' | 'intoBranchId' | 'intoBranch' | 'notes' | 'actor'
> &
  Pick<Deployment, 'autoCutover' | 'autoDeleteBranch' | 'throttle'> &
  Partial<Pick<DeployRequest, 'renames'>>;

export type DeploymentNotes = Partial<Omit<Deployment, 'state'>> & { readonly notes?: string };

export type NewOperation = Pick<
  DeployOperation,
  'id' | 'kind' | 'table' | 'ddl' | 'way' | 'because' | 'canDropData' | 'recentlyUsedAt'
>;

export type OperationReport = Partial<
  Pick<
    DeployOperation,
    'state' | 'percent' | 'rowsCopied' | 'rowsPerSecond' | 'etaSeconds' | 'throttledBy' | 'throttledAt' | 'error'
  >
>;

export interface DeployRequestFilter extends PageOf {
  /** By {@link isOpen}; `deployed` are those whose deploy was accepted, however far they are. */
  readonly state?: 'open' | 'closed' | 'deployed';
  readonly branch?: string;
  readonly intoBranch?: string;
  /** Inclusive bounds of the time that `deploy` was accepted. */
  readonly deployedAt?: TimeRange;
  /** Inclusive bounds of the time that the copy began. */
  readonly runningAt?: TimeRange;
}

export interface TimeRange {
  readonly from?: Date;
  readonly until?: Date;
}

/** Everything that is kept of databases and their deploy requests. */
export interface Deploys {
  readonly databases: Databases;
  readonly branches: Branches;
  readonly passwords: BranchPasswords;
  readonly requests: DeployRequests;
}
