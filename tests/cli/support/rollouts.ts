import { defaultRolloutSettings } from '../../../domain/rollout/apply';
import { applyStateFacts, type ApplyState } from '../../../domain/rollout/states';
import type { ApplyJson, ApplyOperationJson, RolloutNow, RowJson } from '../../../cli/rollout-shapes';
import { at } from './fixtures';

/** The id of an operation or a deployment by its place. */
export function placeId(position: number): string {
  return `7d1f6a2b-3c4d-4e5f-8a9b-${String(position).padStart(12, '0')}`;
}

/** A deployment's share. */
export function share(
  position: number,
  deployment: string,
  state: ApplyState,
  over: Partial<ApplyOperationJson> = {},
): ApplyOperationJson {
  return {
    ...{ id: placeId(position), deployment_id: placeId(position), deployment, environment: 'production', position },
    ...{ state, says: applyStateFacts[state].says, waits: null, error: null, percent: 0, rows_copied: 0 },
    ...{ rows_per_second: 0, eta_seconds: null, throttled_by: null, attempts: 0, started_at: null },
    ...{ cut_over_at: null, completed_at: null },
    ...over,
  };
}

/** A rollout with some rows, and whatever `over` says of it. */
export function rollout(
  state: ApplyState,
  operations: readonly RowJson[],
  over: Partial<ApplyJson> = {},
): RolloutNow & { readonly apply: ApplyJson; readonly operations: RowJson[] } {
  const counts: Record<string, number> = {};
  for (const row of operations) {
    const word = 'unreadable' in row ? 'unreadable' : row.state;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  const { onFailure, cutover, copies, revertTogether } = defaultRolloutSettings;
  const apply: ApplyJson = {
    ...{ id: placeId(999), number: 3, deploy_request: 3, database: 'shop', run_id: 'deploy-shop-3', state },
    ...{ says: applyStateFacts[state].says, determined: true, blamed: [], strategy: 'serial', cutover, copies },
    ...{ on_failure: onFailure, revert_together: revertTogether, environments: [], gates: [], deferred: false },
    ...{ paused: false, stopping: false, throttle_ratio: 0, operations_total: operations.length },
    asked: { stop: null, pause: null, cut_over: null, cancel: null, revert: null, skip_revert: null },
    ...{ operations_by_state: counts, waits: [], error: null, started_at: at(0), completed_at: null },
    ...{ revert_window_ends_at: null, created_at: at(0), updated_at: at(60_000), resource_version: 4, allowed: [] },
    ...over,
  };
  return { apply, operations: [...operations] };
}
