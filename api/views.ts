import type { Allocation, Edge, Replica } from '../domain/gateway/allocation';
import type { JournalEntry } from '../domain/journal';
import type { PhaseDetail, RunDetail } from '../domain/run-detail';
import { isTerminal, type SagaState, type SagaView } from '../domain/saga';
import type { Run, Token, Webhook, WebhookDelivery } from '../prisma/store';

const time = (at: Date | null): string | null => at?.toISOString() ?? null;

/** What may be asked of a run in this state. */
export function allowed(state: SagaState): ('cancel' | 'resolve')[] {
  if (isTerminal(state)) return [];
  return state === 'needs_attention' ? ['resolve'] : ['cancel'];
}

/** A run as the API shows it. */
export function runView(run: Run): Record<string, unknown> {
  return {
    id: run.id,
    kind: run.kind,
    organization_id: run.organizationId,
    state: run.state,
    started_at: time(run.startedAt),
    ended_at: time(run.endedAt),
    attention_since: time(run.attentionSince),
    severity: run.severity,
    error: run.error,
    allowed: allowed(run.state),
  };
}

/** A run with its steps as the API shows it. */
export function runDetailView(run: Run, detail: RunDetail): Record<string, unknown> {
  return {
    ...runView(run),
    cancelled: detail.cancelled,
    steps: detail.steps.map((step) => ({
      name: step.name,
      state: step.state,
      does: step.does,
      do: phaseView(step.do),
      undo: { kind: step.undoKind, text: step.undoText, ...phaseView(step.undo) },
      stuck_since: step.stuckSince,
      stuck_because: step.stuckBecause,
      resolutions: step.resolutions,
    })),
  };
}

function phaseView(phase: PhaseDetail): Record<string, unknown> {
  return {
    state: phase.state,
    started_at: phase.startedAt,
    ended_at: phase.endedAt,
    error: phase.error,
    attempts: phase.attempts.map((each) => ({
      activity: each.activity,
      attempt: each.attempt,
      worker: each.worker,
      started_at: each.startedAt,
      ended_at: each.endedAt,
      duration_ms: each.durationMs,
      outcome: each.outcome,
      error: each.error,
    })),
  };
}

/** The live view of a run as the API shows it. */
export function sagaView(runId: string, view: SagaView): Record<string, unknown> {
  return {
    id: runId,
    kind: view.saga,
    state: view.state,
    attention_since: view.attentionSince ?? null,
    severity: view.severity ?? null,
    error: view.error ?? null,
    steps: view.steps.map((step) => ({
      name: step.name,
      state: step.state,
      error: step.error ?? null,
      undo_error: step.undoError ?? null,
      stuck_since: step.stuckSince ?? null,
      resolutions: step.resolutions,
    })),
  };
}

/** An entry of the journal as streams and the CLI show it. */
export function entryView(entry: JournalEntry): Record<string, unknown> {
  const { runId, organizationId, ...rest } = entry;
  const common = { ...rest, run_id: runId, organization_id: organizationId };
  if (!('activityId' in common)) return common;
  const { activityId, ...others } = common;
  return { ...others, activity_id: activityId };
}

/** An allocation as the API shows it; the replica's address stays inside. */
export function allocationView(allocation: Allocation): Record<string, unknown> {
  return {
    id: allocation.id,
    organization_id: allocation.organizationId,
    state: allocation.state,
    gateway_hostname: allocation.hostname,
    replica_id: allocation.replicaId,
    epoch: allocation.epoch,
    run_id: allocation.runId,
    created_at: time(allocation.createdAt),
    released_at: time(allocation.releasedAt),
    resource_version: allocation.resourceVersion,
  };
}

/** The pool's word for a replica. */
export function replicaState(replica: Replica): 'new' | 'free' | 'allocated' | 'quarantined' | 'withdrawn' {
  if (replica.quarantinedAt) return 'quarantined';
  if (replica.allocationId) return 'allocated';
  if (replica.withdrawnAt) return 'withdrawn';
  return replica.ready ? 'free' : 'new';
}

/** A replica as the API shows it. */
export function replicaView(replica: Replica): Record<string, unknown> {
  return {
    id: replica.id,
    name: replica.name,
    address: replica.address,
    epoch: replica.epoch,
    state: replicaState(replica),
    quarantined_at: time(replica.quarantinedAt),
    quarantine_reason: replica.quarantineReason,
    allocation_id: replica.allocationId,
    resource_version: replica.resourceVersion,
  };
}

/** An edge as the API shows it. */
export function edgeView(edge: Edge): Record<string, unknown> {
  return {
    name: edge.name,
    live_generation: edge.liveGeneration,
    claimed_generation: edge.claimedGeneration,
    live_revision: edge.liveRevision,
    reloads: edge.reloads,
    routes_published: edge.routesPublished,
    behind_since: time(edge.behindSince),
    behind_reason: edge.behindReason,
  };
}

/** A token as the API shows it: never its secret or hash. */
export function tokenView(token: Token): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    scope: token.scope,
    organization_id: token.organizationId,
    created_at: time(token.createdAt),
    expires_at: time(token.expiresAt),
    revoked_at: time(token.revokedAt),
    last_used_at: time(token.lastUsedAt),
  };
}

/** A webhook as the API shows it: never its secret. */
export function webhookView(webhook: Webhook): Record<string, unknown> {
  return {
    id: webhook.id,
    url: webhook.url,
    events: webhook.events,
    organization_id: webhook.organizationId,
    created_at: time(webhook.createdAt),
    disabled_at: time(webhook.disabledAt),
  };
}

/** A delivery as the API shows it. */
export function deliveryView(delivery: WebhookDelivery): Record<string, unknown> {
  return {
    id: delivery.id,
    event: delivery.event,
    run_id: delivery.runId,
    state: delivery.state,
    attempts: delivery.attempts,
    next_attempt_at: time(delivery.nextAttemptAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: time(delivery.createdAt),
    payload: delivery.payload,
  };
}
