import type { BranchRecord, DatabaseRecord } from '../../../domain/deploy/database';
import { databaseUrl, resourceWord } from './database';
import { actorView, derivedId, regionView, time } from './shared';

/**
 * A branch as PlanetScale's clients read it, of whichever kind; the last members are ours.
 * @param shards the deployments that are changed by what goes into it
 */
export function branchView(
  { database, branch }: { readonly database: DatabaseRecord; readonly branch: BranchRecord },
  { base, address, shards }: { readonly base: string; readonly address: string; readonly shards: number },
): Record<string, unknown> {
  const url = `${databaseUrl(database, base)}/branches/${branch.name}`;
  const ready = branch.state === 'ready';
  return {
    id: branch.id,
    name: branch.name,
    created_at: time(branch.createdAt),
    updated_at: time(branch.updatedAt),
    deleted_at: time(branch.deletedAt),
    restore_checklist_completed_at: null,
    schema_last_updated_at: time(branch.schemaChangedAt),
    kind: database.kind,
    mysql_address: address,
    mysql_edge_address: address,
    state: resourceWord(branch.state),
    direct_vtgate: false,
    vtgate_size: '',
    vtgate_name: null,
    vtgate_count: 0,
    vtgate_autoscaling: false,
    vtgate_max_count: null,
    vtgate_target_cpu_utilization: null,
    cluster_name: 'gatewright',
    cluster_display_name: 'Gatewright',
    cluster_architecture: '',
    cluster_iops: null,
    replicas: 0,
    ready,
    schema_ready: ready,
    metal: false,
    production: branch.production,
    safe_migrations: branch.safeMigrations,
    deletion_protected: false,
    sharded: shards > 1,
    shard_count: shards,
    keyspace_count: 1,
    stale_schema: false,
    actor: actorView(branch.createdBy),
    restored_from_branch: null,
    private_edge_connectivity: false,
    has_replicas: false,
    has_read_only_replicas: false,
    html_url: url,
    url,
    region: regionView,
    parent_branch: branch.parent,
    vtgate_options: {},
    resource_state: branch.state,
    schema_name: branch.schema,
  };
}

/** The one keyspace of a branch: its schema, under the database's name. */
export function keyspaceView(database: DatabaseRecord, branch: BranchRecord, shards: number): Record<string, unknown> {
  return {
    id: derivedId('keyspace', branch.id),
    name: database.name,
    shards,
    sharded: shards > 1,
    replicas: 0,
    extra_replicas: 0,
    created_at: time(branch.createdAt),
    updated_at: time(branch.updatedAt),
    cluster_name: 'gatewright',
    cluster_display_name: 'Gatewright',
    resizing: false,
    resize_in_progress: false,
    resize_pending: false,
    config_change_in_progress: false,
    ready: branch.state === 'ready',
    metal: false,
    default: true,
    imported: branch.adopted,
    vector_pool_allocation: null,
    node_ttl_strategy: 'node_ttl_off',
    replication_durability_constraints: {},
    vreplication_flags: {
      optimize_inserts: false,
      allow_no_blob_binlog_row_image: false,
      vplayer_batching: false,
    },
    mysqld_options: {},
    vttablet_options: {},
  };
}
