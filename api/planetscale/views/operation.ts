import type { DatabaseRecord } from '../../../domain/deploy/database';
import type { DeployOperation, OperationState } from '../../../domain/deploy/request';
import { paceOf } from '../../rollout/pace';
import { derivedId, preformatted, time } from './shared';

/** What is done in one deployment of a database. */
export interface Shard {
  /** The deployment's; `-` where there is one alone. */
  readonly name: string;
  readonly operations: readonly DeployOperation[];
}

/** The name of the one shard of what has no other. */
export const ONLY_SHARD = '-';

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

/** The share of every table in every deployment as PlanetScale's clients read it. */
export function operationViews(shards: readonly Shard[], database: DatabaseRecord): Record<string, unknown>[] {
  const several = shards.length > 1;
  return shards.flatMap(({ name, operations }) =>
    operations.map((each) => ({ ...operationView(each, database), ...(several && { shard: name }) })),
  );
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

/** One table's share in one deployment. */
interface InShard {
  readonly shard: string;
  readonly operation: DeployOperation;
}

/** What is done with each table, over all deployments. */
export function operationSummaryViews(shards: readonly Shard[], database: DatabaseRecord): Record<string, unknown>[] {
  const tables = new Map<string, InShard[]>();
  for (const { name: shard, operations } of shards)
    for (const operation of operations) {
      const key = JSON.stringify([operation.kind, operation.table]);
      const those = tables.get(key);
      if (those) those.push({ shard, operation });
      else tables.set(key, [{ shard, operation }]);
    }
  return [...tables.values()].map((those) => summaryView(those, database, shards.length > 1));
}

function summaryView(those: readonly InShard[], database: DatabaseRecord, several: boolean): Record<string, unknown> {
  const operations = those.map(({ operation }) => operation);
  const [first] = operations;
  const { percent, etaSeconds } = paceOf(operations);
  const errors = those.filter(({ operation: { error } }) => error !== null);
  return {
    ...common(first!, database),
    id: derivedId('summary', first!.id),
    progress_percentage: Math.floor(percent),
    throttled_at: time(latest(operations.map(({ throttledAt }) => throttledAt))),
    can_drop_data: operations.some(({ canDropData }) => canDropData),
    state: stateOf(operations.map(({ state }) => state)),
    deploy_errors: errors.map(({ shard, operation: { error } }) => (several ? `${shard}: ${error}` : error)).join('\n'),
    eta_seconds: Math.ceil(etaSeconds ?? 0),
    removed_foreign_key_names: [],
    shard_count: those.length,
    shard_names: those.map(({ shard }) => shard),
    sharded: several,
    operations: those.map(({ shard, operation }) => ({
      id: operation.id,
      shard,
      state: operation.state,
      progress_percentage: Math.floor(operation.percent),
      eta_seconds: Math.ceil(operation.etaSeconds ?? 0),
    })),
  };
}

/** The state of a table over all deployments. A summary has no word for waiting for its turn. */
function stateOf(states: readonly OperationState[]): OperationState {
  const words = states.map((state) => (state === 'queued' ? 'pending' : state));
  const order = ['error', 'in_progress', 'pending', 'complete', 'cancelled'] as const;
  return order.find((word) => words.includes(word)) ?? 'pending';
}

function latest(times: readonly (Date | null)[]): Date | null {
  return times.reduce((last, at) => (at !== null && (last === null || at > last) ? at : last), null);
}
