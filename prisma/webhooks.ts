import { randomUUID } from 'node:crypto';
import type { JournalEntry } from '../domain/journal';
import { DatabaseEvent } from '../domain/deploy/webhook-event';
import { webhookEvent, webhookPayload } from '../domain/webhook-event';
import { Counter, raise, valueOf } from './counters';
import type { Database } from './database';
import { plan } from './database-events';
import type { Prisma } from './generated/sqlite/client';
import type { WebhookDeliveryModel, WebhookModel } from './generated/sqlite/models';
import { forUpdate } from './row-lock';
import { throughClient } from './statements';
import type { Webhook, WebhookDelivery, Webhooks } from './store';
import { Versioned } from './versioned';

/** {@link Webhooks} in the database. */
export class StoredWebhooks implements Webhooks {
  private readonly rows: Versioned<WebhookModel, { id: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, { model: 'webhook', what: 'webhook', identity: ['id', 'organizationId'] });
  }

  async create({ id, events, ...rest }: Parameters<Webhooks['create']>[0]): Promise<Webhook> {
    const values = { ...rest, events: JSON.stringify(events), createdAt: new Date() };
    return webhookOf(await this.rows.putIf({ id }, 'MustCreate', values));
  }

  async list(): Promise<Webhook[]> {
    const rows = await this.database.run((client) =>
      client.webhook.findMany({ where: { databaseId: null }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    );
    return rows.map(webhookOf);
  }

  async ofDatabase(organizationId: string, databaseId: string): Promise<Webhook[]> {
    const orderBy = [{ createdAt: 'asc' }, { id: 'asc' }] as const;
    const rows = await this.database.run((client) =>
      client.webhook.findMany({ where: { organizationId, databaseId }, orderBy: [...orderBy] }),
    );
    return rows.map(webhookOf);
  }

  async update(
    id: string,
    { events, ...change }: Partial<Pick<Webhook, 'url' | 'disabledAt'>> & { readonly events?: readonly string[] },
  ): Promise<Webhook> {
    const changed = { ...change, ...(events && { events: JSON.stringify(events) }), updatedAt: new Date() };
    return webhookOf(await this.rows.update({ id }, () => changed));
  }

  async test({ id, databaseId, url }: Webhook): Promise<void> {
    if (databaseId === null) return;
    await this.database.together((statements) =>
      plan(statements, [{ id }], databaseId, DatabaseEvent.test, { id, type: 'Webhook', url }),
    );
  }

  async get(id: string): Promise<Webhook | null> {
    const row = await this.rows.find({ id });
    return row && webhookOf(row);
  }

  async remove(id: string): Promise<boolean> {
    return await this.database.transaction(async (client) => {
      const removed = await this.rows.deleteIf({ id }, 'Unconditional', client);
      if (removed) await client.webhookDelivery.deleteMany({ where: { webhookId: id } });
      return removed;
    });
  }

  async plan(entries: readonly JournalEntry[], upTo: number): Promise<number> {
    return await this.database.transaction(async (client) => {
      // Whoever plans next waits here, and then finds these entries planned.
      const planned = await raise(throughClient(client), Counter.webhooksPlanned, 0);
      if (planned >= upTo) return 0;
      const webhooks = (await client.webhook.findMany({ where: { disabledAt: null, databaseId: null } })).map(
        webhookOf,
      );
      const news = entries.filter(({ seq }) => seq > planned && seq <= upTo);
      const data = news.flatMap((entry) =>
        webhooks.filter((webhook) => concerns(webhook, entry)).map(({ id }) => delivery(id, entry)),
      );
      if (data.length > 0) await client.webhookDelivery.createMany({ data });
      await raise(throughClient(client), Counter.webhooksPlanned, upTo - planned);
      return data.length;
    });
  }

  async planned(): Promise<number> {
    return await this.database.direct((statements) => valueOf(statements, Counter.webhooksPlanned));
  }

  async takeDue(limit: number, leaseMs: number): Promise<(WebhookDelivery & { webhook: Webhook })[]> {
    const now = new Date();
    const until = new Date(now.getTime() + leaseMs);
    const skip = forUpdate(this.database, true);
    return await this.database.run(async (client) => {
      const taken = await client.$queryRaw<{ id: string }[]>`
        UPDATE webhook_delivery SET next_attempt_at = ${until}, resource_version = resource_version + 1
        WHERE id IN (
          SELECT id FROM webhook_delivery WHERE state = 'pending' AND next_attempt_at <= ${now}
          ORDER BY next_attempt_at LIMIT ${limit} ${skip}
        )
        RETURNING id`;
      if (taken.length === 0) return [];
      const rows = await client.webhookDelivery.findMany({
        where: { id: { in: taken.map(({ id }) => id) } },
        orderBy: { seq: 'asc' },
      });
      const webhooks = await client.webhook.findMany({ where: { id: { in: rows.map(({ webhookId }) => webhookId) } } });
      return rows.flatMap((row) => {
        const webhook = webhooks.find(({ id }) => id === row.webhookId);
        return webhook ? [{ ...deliveryOf(row), webhook: webhookOf(webhook) }] : []; // removed just now
      });
    });
  }

  async recordAttempt(
    id: string,
    result: { delivered: boolean; status: number | null; error: string | null; nextAttemptAt: Date | null },
  ): Promise<void> {
    const { delivered, status: lastStatus, error: lastError } = result;
    const nextAttemptAt = delivered ? null : result.nextAttemptAt;
    const state = delivered ? 'delivered' : nextAttemptAt ? 'pending' : 'failed';
    await this.database.run((client) =>
      client.webhookDelivery.updateMany({
        where: { id, state: 'pending' },
        data: {
          state,
          lastStatus,
          lastError,
          nextAttemptAt,
          attempts: { increment: 1 },
          resourceVersion: { increment: 1 },
        },
      }),
    );
  }

  async deliveries(webhookId: string, limit: number): Promise<WebhookDelivery[]> {
    const rows = await this.database.run((client) =>
      client.webhookDelivery.findMany({ where: { webhookId }, orderBy: { seq: 'desc' }, take: limit }),
    );
    return rows.map(deliveryOf);
  }
}

function concerns(webhook: Webhook, entry: JournalEntry): boolean {
  const event = webhookEvent(entry);
  const itsOwn = webhook.organizationId === null || webhook.organizationId === entry.organizationId;
  return event !== undefined && itsOwn && webhook.events.includes(event);
}

function delivery(webhookId: string, entry: JournalEntry): Prisma.WebhookDeliveryCreateManyInput {
  const now = new Date();
  return {
    id: randomUUID(),
    webhookId,
    seq: entry.seq,
    event: webhookEvent(entry)!,
    runId: entry.runId,
    payload: JSON.stringify(webhookPayload(entry)),
    state: 'pending',
    nextAttemptAt: now,
    createdAt: now,
  };
}

function webhookOf({ events, ...row }: WebhookModel): Webhook {
  return { ...row, events: JSON.parse(events) as string[] };
}

function deliveryOf({
  seq: _seq,
  resourceVersion: _version,
  payload,
  state,
  ...row
}: WebhookDeliveryModel): WebhookDelivery {
  return { ...row, payload: JSON.parse(payload) as unknown, state: state as WebhookDelivery['state'] };
}
