import { isOpen, type DeployRequest } from './request';
import type { DeploymentState } from './states';

/** What webhooks of a database tell of, by PlanetScale's words. */
export const DatabaseEvent = {
  opened: 'deploy_request.opened',
  queued: 'deploy_request.queued',
  inProgress: 'deploy_request.in_progress',
  pendingCutover: 'deploy_request.pending_cutover',
  schemaApplied: 'deploy_request.schema_applied',
  errored: 'deploy_request.errored',
  reverted: 'deploy_request.reverted',
  closed: 'deploy_request.closed',
  branchReady: 'branch.ready',
  test: 'webhook.test',
} as const;
export type DatabaseEvent = (typeof DatabaseEvent)[keyof typeof DatabaseEvent];

/** Whether an event is one of a database's. */
export function isDatabaseEvent(event: string): event is DatabaseEvent {
  return (Object.values(DatabaseEvent) as string[]).includes(event);
}

/** Events that clients may ask for and that never happen here. */
export const foreignEvents: readonly string[] = [
  'branch.anomaly',
  'branch.out_of_memory',
  'branch.primary_promoted',
  'branch.schema_recommendation',
  'branch.sleeping',
  'branch.start_maintenance',
  'cluster.storage',
  'database.access_request',
  'keyspace.storage',
];

/** What each state tells when it is entered. */
const entered: Partial<Record<DeploymentState, DatabaseEvent>> = {
  queued: DatabaseEvent.queued,
  in_progress: DatabaseEvent.inProgress,
  pending_cutover: DatabaseEvent.pendingCutover,
  complete_pending_revert: DatabaseEvent.schemaApplied,
  complete: DatabaseEvent.schemaApplied,
  error: DatabaseEvent.errored,
  complete_error: DatabaseEvent.errored,
  complete_revert_error: DatabaseEvent.errored,
  complete_revert: DatabaseEvent.reverted,
};

/** The event that a change of a request gives rise to, if any; `before` is null where it was opened. */
export function requestEvent(before: DeployRequest | null, after: DeployRequest): DatabaseEvent | undefined {
  if (before === null) return DatabaseEvent.opened;
  if (before.closedAt === null && after.closedAt !== null) return DatabaseEvent.closed;
  const [from, to] = [before.deployment.state, after.deployment.state];
  if (from === to) return undefined;
  // One that was held up is where it was before, and one that is complete at last was applied long ago.
  if (to === 'pending_cutover' && from !== 'in_progress') return undefined;
  if (to === 'complete' && from !== 'in_progress_cutover') return undefined;
  // With each deployment that comes after the first, it is where it was before.
  if (to === 'in_progress' && from !== 'submitting') return undefined;
  if (to === 'pending_cutover' && before.deployment.readyToCutoverAt !== null) return undefined;
  if (to === 'complete_pending_revert' && from !== 'in_progress_cutover') return undefined;
  return entered[to];
}

/** What a webhook tells, as PlanetScale does; the sender adds the delivery's id. */
export function eventPayload(
  event: DatabaseEvent,
  at: Date,
  { organizationId, name }: { readonly organizationId: string; readonly name: string },
  resource: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return { timestamp: Math.floor(at.getTime() / 1000), event, organization: organizationId, database: name, resource };
}

/** A request as events tell of it. */
export function requestResource(request: DeployRequest): Record<string, unknown> {
  const { deployment } = request;
  return {
    id: request.id,
    type: 'DeployRequest',
    number: request.number,
    branch: request.branch,
    into_branch: request.intoBranch,
    notes: request.notes,
    actor: { display_name: request.actor.replace(/ \([^()]*\)$/, '') },
    state: isOpen(request) ? 'open' : 'closed',
    deployment_state: deployment.state,
    deployment: {
      state: deployment.state,
      auto_cutover: deployment.autoCutover,
      instant_ddl: deployment.instant,
      queued_at: iso(deployment.queuedAt),
      started_at: iso(deployment.startedAt),
      ready_to_cutover_at: iso(deployment.readyToCutoverAt),
      cutover_at: iso(deployment.cutoverAt),
      revert_window_ends_at: iso(deployment.revertWindowEndsAt),
      finished_at: iso(deployment.finishedAt),
      error: deployment.error,
    },
    created_at: iso(request.createdAt),
    updated_at: iso(request.updatedAt),
    closed_at: iso(request.closedAt),
    deployed_at: iso(request.deployedAt),
  };
}

function iso(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}
