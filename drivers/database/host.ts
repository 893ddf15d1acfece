import type { BranchRole } from '../../domain/deploy/database';
import type { PasswordVerifier } from '../../domain/deploy/contract';
import type { CharacterSet } from '../../domain/schema/model';

/** A server on which schemas are made, and accounts that may touch one of them alone. Knows nothing of runs. */
export interface SchemaHost {
  /**
   * Makes an empty schema. Repeating it for the same owner changes nothing.
   * @throws Failure STATE_CONFLICT for a schema of that name that is not of this owner.
   */
  createSchema(schema: OwnedSchema, defaults?: CharacterSet | null): Promise<void>;
  /** Drops a schema with everything in it. One that is not there, or not of this owner, stays as it is. */
  dropSchema(schema: OwnedSchema): Promise<void>;
  /** Whether there is a schema of that name, whoever made it. */
  hasSchema(name: string): Promise<boolean>;
  /** The schemas that were made by this. */
  schemas(): Promise<readonly OwnedSchema[]>;

  /** Bytes that tables of a schema take with their indexes, as the server estimates it. */
  sizeOf(schema: string, tables: readonly string[]): Promise<number>;

  /** Makes statements take effect in a schema, for those who may change it. */
  run(schema: string, statements: readonly string[]): Promise<void>;

  /**
   * Gives those who may touch a schema their rights in tables that the engine has made in it: a server may know whose
   * they are, and not where they came to be. Tables that are not there are left out.
   */
  share(schema: string, tables: readonly string[]): Promise<void>;

  /** Makes an account that may touch one schema alone, or gives it these rights and this password. */
  createAccount(account: Account): Promise<void>;
  /** Drops an account and ends its sessions; one that is not there needs nothing. */
  dropAccount(username: string): Promise<void>;
  hasAccount(username: string): Promise<boolean>;
}

/** A schema and whoever it was made for, which is written down at it. */
export interface OwnedSchema {
  readonly name: string;
  /** An id; letters, digits and hyphens. */
  readonly owner: string;
}

export interface Account {
  readonly username: string;
  readonly schema: string;
  readonly role: BranchRole;
  /** What the server compares a password with; the password itself is known to nobody here. */
  readonly verifier: PasswordVerifier;
}

/** What is written at a schema. */
export function commentOf({ owner }: Pick<OwnedSchema, 'owner'>): string {
  return `gatewright branch ${owner}`;
}

/** The owner that a comment of {@link commentOf} names, or null. */
export function ownerOf(comment: string | null): string | null {
  return /^gatewright branch ([A-Za-z0-9-]+)$/.exec(comment ?? '')?.[1] ?? null;
}
