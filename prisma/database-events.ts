import { randomUUID } from 'node:crypto';
import { eventPayload, type DatabaseEvent } from '../domain/deploy/webhook-event';
import { Counter, raise } from './counters';
import { Prisma } from './generated/sqlite/client';
import type { WebhookModel } from './generated/sqlite/models';
import type { Statements } from './statements';
import { table } from './table';

/** Whose event it is. */
export interface EventOf {
  readonly organizationId: string;
  readonly databaseId: string;
}

/**
 * Plans a delivery to every webhook of a database that wants an event, in the transaction of whatever happened: there is
 * a delivery exactly where it did happen.
 */
export async function announce(
  statements: Statements,
  { organizationId, databaseId }: EventOf,
  event: DatabaseEvent,
  resource: Readonly<Record<string, unknown>>,
): Promise<void> {
  const webhooks = await statements.rows<WebhookModel>(Prisma.sql`
    SELECT * FROM webhook
    WHERE database_id = ${databaseId} AND organization_id = ${organizationId} AND disabled_at IS NULL ORDER BY id`);
  const told = webhooks.filter(({ events }) => (JSON.parse(events) as string[]).includes(event));
  if (told.length > 0) await plan(statements, told, databaseId, event, resource);
}

/** Plans the deliveries of one event. */
export async function plan(
  statements: Statements,
  webhooks: readonly Pick<WebhookModel, 'id'>[],
  databaseId: string,
  event: DatabaseEvent,
  resource: Readonly<Record<string, unknown>>,
): Promise<void> {
  const [database] = await statements.rows<{ name: string; organizationId: string }>(
    Prisma.sql`SELECT name, organization_id FROM database_record WHERE id = ${databaseId}`,
  );
  if (!database) return;
  const now = new Date();
  const seq = BigInt(await raise(statements, Counter.databaseEvents, 1));
  const payload = JSON.stringify(eventPayload(event, now, database, resource));
  for (const { id: webhookId } of webhooks)
    await table(statements, 'webhookDelivery').create({
      data: {
        ...{ id: randomUUID(), webhookId, seq, event, payload, runId: `database-${databaseId}`, state: 'pending' },
        ...{ attempts: 0, nextAttemptAt: now, createdAt: now, resourceVersion: 1 },
      },
    });
}
