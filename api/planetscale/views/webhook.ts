import type { Webhook, WebhookDelivery } from '../../../prisma/store';
import { time } from './shared';

/** A webhook as PlanetScale's clients read it; its secret is shown where it is made, and never again. */
export function webhookView(webhook: Webhook, last: WebhookDelivery | undefined, secret = ''): object {
  const sent = last?.attempts ? last : undefined;
  return {
    id: webhook.id,
    url: webhook.url,
    secret,
    enabled: webhook.disabledAt === null,
    last_sent_result: sent ? (sent.lastError ?? `answered ${sent.lastStatus ?? ''}`) : null,
    last_sent_success: sent ? sent.state === 'delivered' : null,
    last_sent_at: sent ? time(sent.createdAt) : null,
    created_at: time(webhook.createdAt),
    updated_at: time(webhook.updatedAt ?? webhook.createdAt),
    events: webhook.events,
  };
}
