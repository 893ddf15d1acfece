import type { Versioned } from '../gateway/allocation';
import { defaultRolloutSettings, type RolloutSettings } from '../rollout/apply';

export const DatabaseKind = { mysql: 'mysql', postgresql: 'postgresql' } as const;
/** MariaDB counts as mysql, as in PlanetScale's API. */
export type DatabaseKind = (typeof DatabaseKind)[keyof typeof DatabaseKind];

/** Whether a database or a branch can be used yet. */
export const ResourceState = {
  /** Its schema is being made. */
  pending: 'pending',
  ready: 'ready',
  /** Its making failed and was taken back; it can be deleted. */
  failed: 'failed',
  /** It is being removed. */
  deleting: 'deleting',
} as const;
export type ResourceState = (typeof ResourceState)[keyof typeof ResourceState];

/** What people set for a database. */
export interface DatabaseSettings {
  /** Whether a deploy request must be approved before it is deployed. */
  readonly requireApproval: boolean;
  /** Whether whoever opened a request may approve it. */
  readonly allowOwnApproval: boolean;
  readonly allowForeignKeys: boolean;
  readonly deletionProtected: boolean;
  /** Milliseconds in which a deployed request can be reverted. */
  readonly revertWindowMs: number;
  /** What requests begin with: 0 to 0.95. */
  readonly throttle: number;
  /** How requests go over several deployments. */
  readonly rollout: RolloutSettings;
}

export const defaultDatabaseSettings: DatabaseSettings = {
  requireApproval: false,
  allowOwnApproval: true,
  allowForeignKeys: true,
  deletionProtected: false,
  revertWindowMs: 30 * 60_000,
  throttle: 0,
  rollout: defaultRolloutSettings,
};

/** A database that deploy requests change. Names are unique in an organization while it is not deleted. */
export interface DatabaseRecord extends Versioned {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly kind: DatabaseKind;
  /** The name of the secret that holds the URL of its server, for an account with the engine's rights. */
  readonly server: string;
  readonly state: ResourceState;
  /** Name of the branch that others are made from and deployed into. */
  readonly defaultBranch: string;
  readonly settings: DatabaseSettings;
  readonly notes: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly schemaChangedAt: Date | null;
}

/** A branch: a schema of its own on its database's server. Names are unique in a database while it is not deleted. */
export interface BranchRecord extends Versioned {
  readonly id: string;
  readonly databaseId: string;
  readonly organizationId: string;
  readonly name: string;
  /** Null for the one that the database began with. */
  readonly parent: string | null;
  /** The schema's name on the server. */
  readonly schema: string;
  /** Whether the schema was there before Gatewright, which then never drops it. */
  readonly adopted: boolean;
  readonly production: boolean;
  /** Whether its schema is changed by deploy requests alone. */
  readonly safeMigrations: boolean;
  readonly state: ResourceState;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly deletedBy: string | null;
  readonly schemaChangedAt: Date | null;
}

/** A role that may touch one branch alone; its password is known to whoever was given it. */
export interface BranchPassword {
  readonly id: string;
  readonly branchId: string;
  readonly databaseId: string;
  readonly organizationId: string;
  readonly name: string;
  readonly role: BranchRole;
  /** The account on the server. */
  readonly username: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly deletedAt: Date | null;
}

/** What an account may do in its branch. */
export const BranchRole = { reader: 'reader', writer: 'writer', readwriter: 'readwriter', admin: 'admin' } as const;
export type BranchRole = (typeof BranchRole)[keyof typeof BranchRole];
