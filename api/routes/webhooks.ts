import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/failures';
import { WebhookEvent } from '../../domain/webhook-event';
import type { Webhook } from '../../prisma/store';
import { token, type Caller } from '../access';
import type { Deps } from '../deps';
import { ok, route, type Route } from '../route';
import { pageSize, paging, runId, time, uuid } from '../schemas';
import { deliveryView, webhookView } from '../views';
import { z } from '../zod';

const event = z.enum(Object.values(WebhookEvent) as [WebhookEvent, ...WebhookEvent[]]);

const webhookSchema = z
  .object({
    id: uuid,
    url: z.string(),
    events: z.array(event),
    organization_id: uuid.nullable().openapi({ description: 'null: all organizations.' }),
    created_at: time,
    disabled_at: time.nullable(),
  })
  .openapi('Webhook');

const delivery = z
  .object({
    id: z.string(),
    event,
    run_id: runId,
    state: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.number().int(),
    next_attempt_at: time.nullable(),
    last_status: z.number().int().nullable(),
    last_error: z.string().nullable(),
    created_at: time,
    payload: z.unknown(),
  })
  .openapi('WebhookDelivery');

/** `/webhooks`: who is told of runs that were taken back, need a person, or were decided about. */
export function webhookRoutes({ store, targets, seal }: Deps): Route[] {
  const visible = async (caller: Caller, id: string): Promise<Webhook> => {
    const found = await store.webhooks.get(id);
    // Those of databases are found under their databases.
    if (!found || found.databaseId !== null || !caller.sees(found.organizationId))
      throw new Failure('NOT_FOUND', 'There is no such webhook.');
    return found;
  };

  const create = route({
    method: 'post',
    path: '/webhooks',
    operationId: 'createWebhook',
    tag: 'webhooks',
    summary: 'Register a webhook',
    description:
      'Deliveries carry `Gatewright-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under the secret>` and are repeated with growing waits until they are answered 2xx.',
    access: token('admin'),
    body: z
      .strictObject({
        url: z.string().min(1).max(2000),
        secret: z.string().regex(/^[\x21-\x7e]{16,200}$/, 'must be 16 to 200 printable characters without spaces'),
        events: z.array(event).min(1).max(3).optional().openapi({ description: 'All, when left out.' }),
        organization_id: uuid.nullish().openapi({ description: 'Left out: that of the caller.' }),
      })
      .openapi('CreateWebhook'),
    answers: { 201: { description: 'The webhook.', schema: webhookSchema } },
    failures: ['NOT_FOUND', 'ADDRESS_REFUSED', 'STORE_UNAVAILABLE'],
    async handle({ caller, body }) {
      const organizationId = body.organization_id === undefined ? caller.boundTo : body.organization_id;
      caller.mustSee(organizationId);
      const url = targets.url(body.url);
      await targets.resolve(url);
      const id = randomUUID();
      const made = await store.webhooks.create({
        id,
        url: url.href,
        secret: seal.seal(body.secret, id),
        events: [...new Set(body.events ?? Object.values(WebhookEvent))],
        organizationId,
      });
      return { status: 201, body: webhookView(made) };
    },
  });

  const list = route({
    method: 'get',
    path: '/webhooks',
    operationId: 'listWebhooks',
    tag: 'webhooks',
    summary: 'List webhooks',
    access: token('admin'),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.object({ webhooks: z.array(webhookSchema) }).openapi('WebhookList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    async handle({ caller }) {
      const all = await store.webhooks.list();
      return ok({ webhooks: all.filter((each) => caller.sees(each.organizationId)).map(webhookView) });
    },
  });

  const remove = route({
    method: 'delete',
    path: '/webhooks/{id}',
    operationId: 'deleteWebhook',
    tag: 'webhooks',
    summary: 'Remove a webhook and its delivery log',
    access: token('admin'),
    params: z.strictObject({ id: uuid }),
    answers: { 204: { description: 'It is gone.' } },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, params }) {
      await store.webhooks.remove((await visible(caller, params.id)).id);
      return { status: 204 };
    },
  });

  const deliveries = route({
    method: 'get',
    path: '/webhooks/{id}/deliveries',
    operationId: 'listWebhookDeliveries',
    tag: 'webhooks',
    summary: 'Read a webhook’s delivery log, newest first',
    access: token('admin'),
    params: z.strictObject({ id: uuid }),
    query: z.strictObject({ page_size: paging.page_size }),
    answers: {
      200: {
        description: 'The newest ones.',
        schema: z.object({ deliveries: z.array(delivery) }).openapi('WebhookDeliveryList'),
      },
    },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ caller, params, query }) {
      const { id } = await visible(caller, params.id);
      return ok({ deliveries: (await store.webhooks.deliveries(id, pageSize(query.page_size))).map(deliveryView) });
    },
  });
  return [create, list, remove, deliveries];
}
