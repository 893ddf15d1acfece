import type { BranchRecord, DatabaseRecord } from '../../../domain/deploy/database';
import { settingsView } from '../../rollout/views';
import { regionView, time } from './shared';

/** What is told of a database beside its own row. */
export interface DatabaseShown {
  readonly database: DatabaseRecord;
  /** Those that are not deleted. */
  readonly branches: readonly Pick<BranchRecord, 'production'>[];
  /** The deployments that are changed by what goes into its default branch. */
  readonly shards: number;
}

/** A database as PlanetScale's clients read it; the members after `kind` are ours. */
export function databaseView({ database, branches, shards }: DatabaseShown, base: string): Record<string, unknown> {
  const { settings } = database;
  const url = databaseUrl(database, base);
  const production = branches.filter((branch) => branch.production).length;
  return {
    id: database.id,
    url,
    branches_url: `${url}/branches`,
    branches_count: branches.length,
    open_schema_recommendations_count: 0,
    development_branches_count: branches.length - production,
    production_branches_count: production,
    issues_count: 0,
    multiple_admins_required_for_deletion: false,
    ready: database.state === 'ready',
    at_backup_restore_branches_limit: false,
    at_development_branch_usage_limit: false,
    data_import: null,
    region: regionView,
    html_url: url,
    name: database.name,
    state: resourceWord(database.state),
    sharded: shards > 1,
    default_branch_shard_count: shards,
    default_branch_read_only_regions_count: 0,
    default_branch_table_count: 0,
    default_branch: database.defaultBranch,
    require_approval_for_deploy: settings.requireApproval,
    deletion_protected: settings.deletionProtected,
    resizing: false,
    resize_queued: false,
    config_changing: false,
    config_change_queued: false,
    allow_data_branching: false,
    foreign_keys_enabled: settings.allowForeignKeys,
    automatic_migrations: null,
    restrict_branch_region: false,
    insights_raw_queries: false,
    plan: 'gatewright',
    insights_enabled: false,
    production_branch_web_console: false,
    migration_table_name: null,
    migration_framework: null,
    created_at: time(database.createdAt),
    updated_at: time(database.updatedAt),
    schema_last_updated_at: time(database.schemaChangedAt),
    kind: database.kind,
    notes: database.notes,
    resource_state: database.state,
    allow_own_approval: settings.allowOwnApproval,
    revert_window_seconds: Math.round(settings.revertWindowMs / 1000),
    rollout: settingsView(settings.rollout),
  };
}

export function databaseUrl({ organizationId, name }: DatabaseRecord, base: string): string {
  return `${base}/v1/organizations/${organizationId}/databases/${name}`;
}

/** The clients know no word for what failed or goes away: it is not ready, and `resource_state` says why. */
export function resourceWord(state: DatabaseRecord['state']): 'ready' | 'pending' {
  return state === 'ready' ? 'ready' : 'pending';
}
