import type { JournalEntry } from './journal';

/** What webhooks tell of. */
export const WebhookEvent = {
  rolledBack: 'run.rolled_back',
  needsAttention: 'run.needs_attention',
  resolved: 'run.resolved',
} as const;
export type WebhookEvent = (typeof WebhookEvent)[keyof typeof WebhookEvent];

/** The event that an entry of the journal gives rise to, if any. */
export function webhookEvent(entry: JournalEntry): WebhookEvent | undefined {
  if (entry.type === 'step.resolved') return WebhookEvent.resolved;
  if (entry.type !== 'run.state') return undefined;
  if (entry.state === 'rolled_back' || entry.state === 'abandoned') return WebhookEvent.rolledBack;
  return entry.state === 'needs_attention' ? WebhookEvent.needsAttention : undefined;
}

/** The part of a webhook's body that tells what happened; the sender adds the delivery's id. */
export function webhookPayload(entry: JournalEntry): Record<string, unknown> {
  const run = { id: entry.runId, kind: entry.kind, organization_id: entry.organizationId };
  const common = { event: webhookEvent(entry), seq: entry.seq, at: entry.at };
  if (entry.type === 'step.resolved') return { ...common, run, step: entry.step, resolution: { ...entry.resolution } };
  if (entry.type !== 'run.state') return { ...common, run };
  return {
    ...common,
    run: { ...run, state: entry.state },
    ...(entry.error && { error: { ...entry.error } }),
    ...(entry.stuck && { stuck: entry.stuck.map((each) => ({ step: each.step, error: { ...each.error } })) }),
    ...(entry.severity && { severity: entry.severity }),
  };
}
