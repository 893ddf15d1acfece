import type { DatabaseRecord } from '../../../domain/deploy/database';
import type { DeployOperation } from '../../../domain/deploy/request';
import { derivedId, preformatted, time } from './shared';

/** What operations and their summaries have in common. Numbers are whole: clients decode nothing else. */
function common(operation: DeployOperation, { name }: DatabaseRecord): Record<string, unknown> {
  return {
    id: operation.id,
    keyspace_name: name,
    table_name: operation.table,
    operation_name: operation.kind,
    progress_percentage: Math.floor(operation.percent),
    ddl_statement: operation.ddl,
    syntax_highlighted_ddl: preformatted(operation.ddl),
    created_at: time(operation.createdAt),
    throttled_at: time(operation.throttledAt),
    can_drop_data: operation.canDropData,
    table_recently_used: operation.recentlyUsedAt !== null,
    table_recently_used_at: time(operation.recentlyUsedAt),
  };
}

/** One table's share as PlanetScale's clients read it; the last members are ours. */
export function operationView(operation: DeployOperation, database: DatabaseRecord): Record<string, unknown> {
  return {
    ...common(operation, database),
    state: operation.state,
    eta_seconds: operation.etaSeconds === null ? null : Math.ceil(operation.etaSeconds),
    deploy_error_docs_url: null,
    updated_at: time(operation.updatedAt),
    table_locked: false,
    removed_foreign_key_names: [],
    deploy_errors: operation.error,
    way: operation.way,
    because: operation.because,
    rows_copied: operation.rowsCopied,
    rows_per_second: Math.round(operation.rowsPerSecond),
    throttled_by: operation.throttledBy,
  };
}

/** The same over all shards, of which there is one. */
export function operationSummaryView(operation: DeployOperation, database: DatabaseRecord): Record<string, unknown> {
  const progress = Math.floor(operation.percent);
  const eta = Math.ceil(operation.etaSeconds ?? 0);
  return {
    ...common(operation, database),
    id: derivedId('summary', operation.id),
    // A summary has no word for waiting for its turn.
    state: operation.state === 'queued' ? 'pending' : operation.state,
    deploy_errors: operation.error ?? '',
    eta_seconds: eta,
    removed_foreign_key_names: [],
    shard_count: 1,
    shard_names: ['-'],
    sharded: false,
    operations: [
      { id: operation.id, shard: '-', state: operation.state, progress_percentage: progress, eta_seconds: eta },
    ],
  };
}
