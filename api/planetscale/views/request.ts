import { allowedActions } from '../../../domain/deploy/actions';
import type { BranchRecord, DatabaseRecord } from '../../../domain/deploy/database';
import { actable, isOpen } from '../../../domain/deploy/request';
import type { DeployRequest, DeployReview } from '../../../domain/deploy/request';
import { stateText } from '../../../domain/deploy/states';
import type { ApplyNow } from '../../../domain/rollout/contract';
import { allowedWith } from '../../rollout/standing';
import { approvalMissing, isApproved } from '../approval';
import { databaseUrl } from './database';
import { isError, lintView } from './lint';
import { operationSummaryViews, operationViews, type Shard } from './operation';
import { actorView, derivedId, escaped, maybeActor, time } from './shared';
import { throttleText } from './throttler';

/** Everything that is told of a request. */
export interface RequestShown {
  readonly database: DatabaseRecord;
  readonly request: DeployRequest;
  /** Null where even its row is gone. */
  readonly branch: BranchRecord | null;
  /** One for each deployment that it goes to, in the order of the rollout; one alone where it goes to its branch. */
  readonly shards: readonly Shard[];
  /** Where its apply stands; null where it has none, or that is over. */
  readonly standing: ApplyNow | null;
  readonly reviews: readonly DeployReview[];
  /** Requests that are before it, first come first. */
  readonly preceding: readonly DeployRequest[];
}

/** A deploy request as PlanetScale's clients read it; the last member is ours. */
export function requestView(shown: RequestShown, base: string): Record<string, unknown> {
  const { database, request, branch, reviews } = shown;
  return {
    id: request.id,
    number: request.number,
    actor: actorView(request.actor),
    closed_by: maybeActor(request.closedBy),
    branch: request.branch,
    branch_id: request.branchId,
    branch_deleted: branch === null || branch.deletedAt !== null,
    branch_deleted_by: maybeActor(branch?.deletedBy ?? null),
    branch_deleted_at: time(branch?.deletedAt ?? null),
    into_branch: request.intoBranch,
    into_branch_sharded: shown.shards.length > 1,
    into_branch_shard_count: shown.shards.length,
    into_branch_keyspace_count: 1,
    approved: isApproved(request, reviews, database.settings),
    state: isOpen(request) ? 'open' : 'closed',
    deployment_state: request.deployment.state,
    deployment: deploymentView(shown),
    num_comments: reviews.filter(({ body }) => body !== '').length,
    html_url: `${databaseUrl(database, base)}/deploy-requests/${request.number}`,
    notes: request.notes,
    html_body: request.notes === '' ? '' : `<p>${escaped(request.notes)}</p>`,
    created_at: time(request.createdAt),
    updated_at: time(request.updatedAt),
    closed_at: time(closedAt(request)),
    deployed_at: time(request.deployedAt),
    renames: request.renames,
  };
}

function closedAt(request: DeployRequest): Date | null {
  return request.closedAt ?? (isOpen(request) ? null : request.deployment.finishedAt);
}

/** A deployment as PlanetScale's clients read it; the members after `queue_pause_reason` are ours. */
export function deploymentView(shown: RequestShown): Record<string, unknown> {
  const { database, request, shards, standing, reviews, preceding } = shown;
  const { deployment } = request;
  const { state, lint } = deployment;
  const errors = lint.filter(isError);
  const can = actable(request, approvalMissing(request, reviews, database.settings));
  return {
    id: deploymentId(request),
    auto_cutover: deployment.autoCutover,
    auto_delete_branch: deployment.autoDeleteBranch,
    created_at: time(request.createdAt),
    cutover_at: time(deployment.cutoverAt),
    cutover_expiring: false,
    deploy_check_errors: checkErrors(request),
    finished_at: time(deployment.finishedAt),
    force_cutover_requested_at: time(deployment.forceCutoverRequestedAt),
    queued_at: time(deployment.queuedAt),
    ready_to_cutover_at: time(deployment.readyToCutoverAt),
    started_at: time(deployment.startedAt),
    state,
    submitted_at: time(deployment.submittedAt),
    updated_at: time(request.updatedAt),
    into_branch: request.intoBranch,
    deploy_request_number: request.number,
    deployable: !['pending', 'no_changes', 'error'].includes(state),
    preceding_deployments: preceding.map(queuedView),
    deploy_operations: operationViews(shards, database),
    deploy_operation_summaries: operationSummaryViews(shards, database),
    lint_errors: errors.map((each) => lintView(each, database.name)),
    sequential_diff_dependencies: [],
    lookup_vindex_operations: [],
    throttler_configurations: {
      configurations: [{ keyspace_name: database.name, ratio: Math.round(deployment.throttle * 100) }],
    },
    deployment_revert_request: revertView(request),
    actor: actorView(request.actor),
    cutover_actor: maybeActor(deployment.cutoverActor),
    cancelled_actor: maybeActor(deployment.cancelActor),
    schema_last_updated_at: time(database.schemaChangedAt),
    table_locked: false,
    locked_table_name: null,
    instant_ddl: deployment.instant,
    instant_ddl_eligible: deployment.instantEligible,
    queue_paused: false,
    queue_pause_reason: null,
    state_message: stateText(state),
    allowed: standing ? allowedWith(standing, allowedActions(can)) : allowedActions(can),
    error: deployment.error,
    lint_warnings: lint.filter((each) => !isError(each)).map((each) => lintView(each, database.name)),
    throttle_ratio: deployment.throttle,
    throttle: throttleText(deployment.throttle),
    revert_window_ends_at: time(deployment.revertWindowEndsAt),
    ...(shards.length > 1 && { strategy: strategyOf(shown) }),
  };
}

/** How it goes over several deployments, in PlanetScale's words. */
function strategyOf({ database, request }: RequestShown): 'serial' | 'parallel' {
  const cutover = request.deployment.cutover ?? database.settings.rollout.cutover;
  return cutover === 'barrier' ? 'parallel' : 'serial';
}

/** A deployment that is in line, as those behind it show it. */
export function queuedView(request: DeployRequest): Record<string, unknown> {
  const { deployment } = request;
  return {
    id: deploymentId(request),
    state: deployment.state,
    deploy_request_number: request.number,
    into_branch: request.intoBranch,
    actor: actorView(request.actor),
    created_at: time(request.createdAt),
    updated_at: time(request.updatedAt),
    started_at: time(deployment.startedAt),
    queued_at: time(deployment.queuedAt),
    finished_at: time(deployment.finishedAt),
  };
}

function deploymentId({ id }: DeployRequest): string {
  return derivedId('deployment', id);
}

/** Why it cannot be deployed, was held up or failed, a sentence a line. */
function checkErrors({ deployment: { lint, error } }: DeployRequest): string | null {
  const lines = [...lint.filter(isError).map(({ message }) => message), ...(error ? [error.message] : [])];
  return lines.length === 0 ? null : lines.join('\n');
}

function revertView({ deployment: { revertActor, state } }: DeployRequest): Record<string, unknown> | null {
  return revertActor === null ? null : { actor: actorView(revertActor), state };
}
