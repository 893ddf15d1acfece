import type { z } from 'zod';
import type { rolloutSettingsSchema } from '../api/rollout/schemas';
import type { DeployAction } from '../domain/deploy/actions';
import type { DatabaseKind, ResourceState } from '../domain/deploy/database';
import type { OperationState } from '../domain/deploy/request';
import type { DeploymentState } from '../domain/deploy/states';
import type { OperationKind } from '../domain/schema/change';
import type { FailureView } from '../domain/saga';

/* What the API answers with about databases and deploy requests (api/planetscale/views), as far as it is shown. */

/** One page of a list. */
export interface PageJson<T> {
  readonly data: readonly T[];
  readonly next_page: number | null;
}

export interface ActorJson {
  readonly display_name: string;
}

export type RolloutSettingsJson = z.infer<typeof rolloutSettingsSchema>;

export interface DatabaseJson {
  readonly id: string;
  readonly name: string;
  readonly kind: DatabaseKind;
  readonly resource_state: ResourceState;
  readonly default_branch: string;
  readonly branches_count: number;
  readonly notes: string;
  readonly require_approval_for_deploy: boolean;
  readonly allow_own_approval: boolean;
  readonly foreign_keys_enabled: boolean;
  readonly deletion_protected: boolean;
  readonly revert_window_seconds: number;
  readonly rollout?: RolloutSettingsJson;
  readonly created_at: string;
}

export interface BranchJson {
  readonly id: string;
  readonly name: string;
  readonly parent_branch: string | null;
  readonly resource_state: ResourceState;
  readonly schema_name: string;
  readonly production: boolean;
  readonly safe_migrations: boolean;
  readonly actor: ActorJson;
  readonly created_at: string;
}

export interface PasswordJson {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly username: string;
  readonly access_host_url: string;
  readonly schema: string;
  readonly expires_at: string | null;
  readonly expired: boolean;
  readonly created_at: string;
  /** At the one moment when the password is known. */
  readonly url?: string;
}

/** An object of a schema, or what differs of it. */
export interface TextJson {
  readonly name: string;
  readonly raw: string;
}

export interface LintJson {
  readonly lint_error: string;
  readonly table_name: string;
  readonly error_description: string;
  readonly severity: 'error' | 'warning';
}

/** One table's share, as it would be made. */
export interface PlannedOperationJson {
  readonly table_name: string;
  readonly operation_name: OperationKind;
  readonly ddl_statement: string;
  readonly can_drop_data: boolean;
  readonly way: string;
  readonly because: string;
}

export interface OperationJson extends PlannedOperationJson {
  /** The deployment that it is of, where there are several. */
  readonly shard?: string;
  readonly state: OperationState;
  /** Whole. */
  readonly progress_percentage: number;
  readonly eta_seconds: number | null;
  readonly deploy_errors: string | null;
  readonly rows_copied: number;
  readonly rows_per_second: number;
  readonly throttled_by: string | null;
}

export interface DeploymentJson {
  readonly auto_cutover: boolean;
  readonly state_message: string;
  readonly allowed: readonly DeployAction[];
  readonly error: FailureView | null;
  readonly lint_errors: readonly LintJson[];
  readonly lint_warnings: readonly LintJson[];
  readonly preceding_deployments: readonly { readonly deploy_request_number: number }[];
  readonly instant_ddl: boolean;
  readonly throttle_ratio: number;
  /** In words. */
  readonly throttle: string;
  readonly revert_window_ends_at: string | null;
}

export interface RenameJson {
  readonly table: string;
  readonly from: string;
  readonly to: string;
}

export interface DeployRequestJson {
  readonly id: string;
  readonly number: number;
  readonly branch: string;
  readonly into_branch: string;
  readonly approved: boolean;
  readonly state: 'open' | 'closed';
  readonly deployment_state: DeploymentState;
  readonly notes: string;
  /** Columns that keep their values under another name. */
  readonly renames: readonly RenameJson[];
  readonly actor: ActorJson;
  readonly created_at: string;
  readonly closed_at: string | null;
  readonly deployed_at: string | null;
  readonly deployment: DeploymentJson & { readonly deploy_operations: readonly OperationJson[] };
}

/** What a request would do if it was opened. */
export interface WouldChangeJson {
  readonly branch: string;
  readonly into_branch: string;
  readonly deployable: boolean;
  readonly storage_bytes_needed: number;
  readonly deploy_operations: readonly PlannedOperationJson[];
  readonly diff: readonly TextJson[];
  readonly lint_errors: readonly LintJson[];
  readonly lint_warnings: readonly LintJson[];
}

/** Something that a revert would not bring back. */
export interface LossJson {
  readonly table: string;
  readonly column: string | null;
  readonly rows: number;
  readonly message: string;
}
