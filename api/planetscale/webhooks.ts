import { randomBytes, randomUUID } from 'node:crypto';
import { DatabaseEvent, foreignEvents } from '../../domain/deploy/webhook-event';
import { Failure } from '../../domain/failures';
import { isUuid } from '../../domain/organization';
import type { Webhook, WebhookDelivery } from '../../prisma/store';
import type { Deps } from '../deps';
import { administers, created, gone, ok, type Call, type Called } from './call';
import { Lookup } from './lookup';
import { pageQuery, pageView, slice } from './pages';
import * as shapes from './schemas';
import { webhookView } from './views/webhook';

const all = '/organizations/{organization}/databases/{database}/webhooks';
const one = `${all}/{id}`;

/** As many as anybody needs; each is written to at every event. */
const MOST = 10;

const known: ReadonlySet<string> = new Set([...Object.values(DatabaseEvent), ...foreignEvents]);

/** Webhooks of a database. The secret that deliveries are signed with is minted here and shown once. */
export function webhookCalls(deps: Deps): Call[] {
  const { store, targets, seal } = deps;
  const lookup = new Lookup(deps);

  const find = async (called: Called<unknown, unknown>): Promise<Webhook> => {
    const { organizationId, id } = await lookup.database(called);
    const asked = called.path('id');
    const found = isUuid(asked) ? await store.webhooks.get(asked) : null;
    if (found?.databaseId !== id || found.organizationId !== organizationId) throw new Failure('NOT_FOUND');
    return found;
  };
  const last = async ({ id }: Webhook): Promise<WebhookDelivery | undefined> =>
    (await store.webhooks.deliveries(id, 1))[0];
  const shown = async (webhook: Webhook): Promise<object> => webhookView(webhook, await last(webhook));

  return [
    administers('get', all, { query: pageQuery }, async (called) => {
      const { organizationId, id } = await lookup.database(called);
      const { items, total } = slice(await store.webhooks.ofDatabase(organizationId, id), called.query);
      return ok(pageView(called, { items: await Promise.all(items.map(shown)), total }, (each) => each));
    }),

    administers('post', all, { body: shapes.createWebhook }, async (called) => {
      const { organizationId, id: databaseId } = await lookup.database(called);
      const { body } = called;
      if ((await store.webhooks.ofDatabase(organizationId, databaseId)).length >= MOST)
        throw new Failure('INVALID_INPUT', `a database has at most ${MOST} webhooks`);
      const url = targets.url(body.url);
      const events = eventsOf(body.events ?? Object.values(DatabaseEvent));
      await targets.resolve(url);
      const id = randomUUID();
      const secret = randomBytes(32).toString('hex');
      const made = await store.webhooks.create({
        ...{ id, url: url.href, secret: seal.seal(secret, id), events, organizationId, databaseId },
      });
      const webhook = body.enabled === false ? await store.webhooks.update(id, { disabledAt: deps.now() }) : made;
      return created(webhookView(webhook, undefined, secret));
    }),

    administers('get', one, {}, async (called) => ok(await shown(await find(called)))),

    administers('patch', one, { body: shapes.updateWebhook }, async (called) => {
      const { id } = await find(called);
      const { body } = called;
      const url = body.url === undefined ? undefined : targets.url(body.url);
      if (url) await targets.resolve(url);
      const changed = await store.webhooks.update(id, {
        ...(url && { url: url.href }),
        ...(body.events !== undefined && { events: eventsOf(body.events) }),
        ...(body.enabled !== undefined && { disabledAt: body.enabled ? null : deps.now() }),
      });
      return ok(await shown(changed));
    }),

    administers('delete', one, {}, async (called) => {
      await store.webhooks.remove((await find(called)).id);
      return gone;
    }),

    administers('post', `${one}/test`, {}, async (called) => {
      await store.webhooks.test(await find(called));
      return gone;
    }),
  ];
}

/** @throws Failure INVALID_INPUT */
function eventsOf(events: readonly string[]): string[] {
  const unknown = events.find((event) => !known.has(event));
  if (unknown !== undefined) throw new Failure('INVALID_INPUT', 'events: there is no such event');
  return [...new Set(events)];
}
