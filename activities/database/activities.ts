import type { BranchRef, DatabaseRef, Inspection, PasswordLife } from '../../domain/deploy/contract';

/** The steps of databases, branches and accounts. */
export interface DatabaseActivities {
  /** @throws Failure STATE_CONFLICT for a database that is neither pending nor ready; NOT_FOUND. */
  beginDatabase(ref: DatabaseRef): Promise<Begun>;
  /** Notes that its making failed, unless it is ready. */
  failDatabase(ref: DatabaseRef): Promise<void>;
  readyDatabase(ref: DatabaseRef): Promise<void>;

  beginBranch(ref: BranchRef): Promise<Begun>;
  failBranch(ref: BranchRef): Promise<void>;
  readyBranch(ref: BranchRef): Promise<void>;

  /** Makes the schema of a branch, empty; an adopted one has to be there. */
  makeSchema(ref: BranchRef): Promise<void>;
  /** Drops the schema of a branch, unless it was adopted. */
  dropSchema(ref: BranchRef): Promise<void>;
  /** Makes a branch's schema what its parent's is, and keeps what that was. */
  shape(ref: BranchRef): Promise<void>;

  /** The branches of a database that are not deleted, last first. */
  branchesOf(ref: DatabaseRef): Promise<readonly string[]>;
  dropAccounts(ref: BranchRef): Promise<void>;
  removeBranch(ref: BranchRef): Promise<void>;
  removeDatabase(ref: DatabaseRef): Promise<void>;

  makeAccount(password: AccountRef & Pick<PasswordLife, 'verifier'>): Promise<void>;
  dropAccount(password: AccountRef): Promise<void>;

  /** Reads something of a server. */
  inspect(inspection: Pick<Inspection, 'organizationId' | 'databaseId' | 'look'>): Promise<unknown>;
}

/** What is begun with: the first branch of a database, or a branch. */
export interface Begun extends BranchRef {
  readonly adopted: boolean;
}

export type AccountRef = BranchRef & Pick<PasswordLife, 'passwordId' | 'username' | 'role'>;
