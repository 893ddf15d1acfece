import type { DeployOperation } from '../../domain/deploy/request';
import { requestRunId } from '../../domain/deploy/contract';
import { allowedApplyActions } from '../../domain/rollout/actions';
import type {
  ApplyEvent,
  ApplyOperation,
  ApplyRecord,
  DeploymentRecord,
  RolloutSettings,
} from '../../domain/rollout/apply';
import { operationRunId } from '../../domain/rollout/contract';
import { gatesOf, type Gate } from '../../domain/rollout/gates';
import { ageMs, type Lock } from '../../domain/rollout/locks';
import { applyNowOf } from '../../domain/rollout/now';
import { applyStateFacts, isSettled, type ApplyState } from '../../domain/rollout/states';
import { isUnreadable, readable, type ApplyShown, type Unreadable } from './lookup';
import { paceOf, type Pace } from './pace';
import { verbOf } from './standing';
import { ApplyVerb } from './verbs';

type View = Record<string, unknown>;

/** How many reasons to wait an apply is shown with; each operation has its own. */
const MOST_WAITS = 100;

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

/** A deployment as the API shows it. */
export function deploymentView(deployment: DeploymentRecord): View {
  return {
    id: deployment.id,
    name: deployment.name,
    environment: deployment.environment,
    server: deployment.server,
    schema: deployment.schema,
    position: deployment.position,
    created_at: time(deployment.createdAt),
    resource_version: deployment.resourceVersion,
  };
}

export function settingsView(settings: RolloutSettings): View {
  return {
    environments: settings.environments,
    on_failure: settings.onFailure,
    cutover: settings.cutover,
    copies: settings.copies,
    revert_together: settings.revertTogether,
  };
}

/** An apply as the API shows it. */
export function applyView({ database, request, apply, rows, overrides }: ApplyShown): View {
  const { settings, asked } = apply;
  const operations = readable(rows);
  const gates = gatesOf(settings.environments, operations, overrides);
  const waiting = operations.filter(({ waits }) => waits !== null).slice(0, MOST_WAITS);
  return {
    id: apply.id,
    number: apply.number,
    deploy_request: apply.number,
    database: database.name,
    run_id: requestRunId({ ...apply, requestId: apply.id }),
    ...stateView(apply),
    blamed: apply.blamed,
    strategy: settings.cutover === 'barrier' ? 'parallel' : 'serial',
    ...settingsView(settings),
    gates: [...gates].map(([environment, gate]) => gateView(environment, gate)),
    deferred: !request.deployment.autoCutover && asked.cutOver === null,
    paused: asked.pause !== null,
    stopping: asked.stop !== null,
    asked: {
      stop: asked.stop,
      pause: asked.pause,
      cut_over: asked.cutOver,
      cancel: asked.cancel,
      revert: asked.revert,
      skip_revert: asked.skipRevert,
    },
    throttle_ratio: request.deployment.throttle,
    ...countsView(apply, rows),
    waits: waiting.map(({ id, deployment, waits }) => ({ operation: id, deployment, because: waits })),
    error: apply.error,
    started_at: time(apply.startedAt),
    completed_at: time(apply.completedAt),
    revert_window_ends_at: time(apply.revertWindowEndsAt),
    created_at: time(apply.createdAt),
    updated_at: time(apply.updatedAt),
    resource_version: apply.resourceVersion,
    allowed: allowedVerbs(apply, operations),
  };
}

/** What can be done with an apply now, by the words of the routes. */
export function allowedVerbs(apply: ApplyRecord, operations: readonly ApplyOperation[]): ApplyVerb[] {
  const actions = allowedApplyActions(applyNowOf(apply, operations));
  const verbs = actions.map(verbOf);
  return isSettled(apply.state) ? verbs : [...verbs, ApplyVerb.volume];
}

/** How far an apply is, with every operation. */
export function progressView(
  { apply, rows }: Pick<ApplyShown, 'apply' | 'rows'>,
  tasks: ReadonlyMap<string, readonly DeployOperation[]>,
): View {
  return {
    id: apply.id,
    number: apply.number,
    ...stateView(apply),
    ...paceView(paceOf(readable(rows).flatMap(({ id }) => tasks.get(id) ?? []))),
    ...countsView(apply, rows),
    revert_window_ends_at: time(apply.revertWindowEndsAt),
    error: apply.error,
    resource_version: apply.resourceVersion,
    operations: rows.map((row) => operationSummaryView(row, tasks.get(row.id) ?? [])),
  };
}

/** An operation as lists show it. */
export function operationSummaryView(row: ApplyOperation | Unreadable, tasks: readonly DeployOperation[]): View {
  if (isUnreadable(row)) return { ...row };
  return {
    id: row.id,
    deployment_id: row.deploymentId,
    deployment: row.deployment,
    environment: row.environment,
    position: row.position,
    state: row.state,
    says: saysOf(row.state),
    waits: row.waits,
    error: row.error === null ? null : { code: row.errorCode, message: row.error },
    ...paceView(paceOf(tasks)),
    attempts: row.attempts,
    started_at: time(row.startedAt),
    cut_over_at: time(row.cutOverAt),
    completed_at: time(row.completedAt),
  };
}

/** An operation with everything that is known of it. */
export function operationView(row: ApplyOperation | Unreadable, tasks: readonly DeployOperation[]): View {
  if (isUnreadable(row)) return { ...row };
  const { id, epoch } = row;
  return {
    ...operationSummaryView(row, tasks),
    server: row.server,
    schema: row.schema,
    on_failure: row.onFailure,
    released: row.released,
    epoch,
    worker: row.worker,
    wanted: row.wanted,
    run_id: epoch === 0 ? null : operationRunId({ operation: { id, epoch } }),
    resource_version: row.resourceVersion,
    tasks: tasks.map(taskView),
  };
}

function taskView(task: DeployOperation): View {
  return {
    id: task.id,
    table: task.table,
    kind: task.kind,
    ddl: task.ddl,
    way: task.way,
    because: task.because,
    state: task.state,
    can_drop_data: task.canDropData,
    percent: task.percent,
    rows_copied: task.rowsCopied,
    rows_per_second: task.rowsPerSecond,
    eta_seconds: task.etaSeconds,
    throttled_by: task.throttledBy,
    throttled_at: time(task.throttledAt),
    error: task.error,
    updated_at: time(task.updatedAt),
  };
}

/** A change of state as the stream of events tells it. @param deployments names, by operation */
export function applyEventView(event: ApplyEvent, deployments: ReadonlyMap<string, string>): View {
  return {
    seq: event.seq,
    apply_id: event.applyId,
    operation_id: event.operationId,
    deployment: event.operationId === null ? null : (deployments.get(event.operationId) ?? null),
    version: event.version,
    from: event.from,
    to: event.to,
    says: saysOf(event.to),
    at: time(event.at),
    text: event.text,
  };
}

export function gateView(environment: string, { open, reason, override }: Gate): View {
  return {
    ...{ environment, open, reason },
    override: override && { by: override.by, reason: override.reason, at: time(override.at) },
  };
}

/** @param names of deployments, by their ids */
export function lockView(lock: Lock, names: ReadonlyMap<string, string>, now: Date): View {
  return {
    owner: lock.owner,
    deployments: lock.deployments.map((id) => ({ id, name: names.get(id) ?? null })),
    acquired_at: time(lock.acquiredAt),
    age_seconds: Math.round(ageMs(lock, now) / 1_000),
    forced: lock.forced && { by: lock.forced.by, reason: lock.forced.reason, from: lock.forced.from },
  };
}

function stateView({ state, determined }: ApplyRecord): View {
  return { state, says: saysOf(state), determined };
}

function countsView({ expected }: ApplyRecord, rows: ApplyShown['rows']): View {
  const counts: Record<string, number> = {};
  for (const row of rows) {
    const word = isUnreadable(row) ? 'unreadable' : row.state;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return { operations_total: expected, operations_by_state: counts };
}

function paceView({ percent, rowsCopied, rowsPerSecond, etaSeconds, throttledBy }: Pace): View {
  return {
    percent: Math.floor(percent * 10) / 10,
    rows_copied: rowsCopied,
    rows_per_second: Math.round(rowsPerSecond),
    eta_seconds: etaSeconds === null ? null : Math.ceil(etaSeconds),
    throttled_by: throttledBy,
  };
}

function saysOf(state: ApplyState): string {
  return applyStateFacts[state]?.says ?? '';
}
