import type { ApplyEvent, ApplyRecord } from '../../domain/rollout/apply';
import { isSettled } from '../../domain/rollout/states';
import { isUsable, token, type Caller } from '../access';
import type { Deps } from '../deps';
import { RolloutLookup, readable } from '../rollout/lookup';
import { applyKey, databaseName } from '../rollout/bodies';
import { applyEventSchema } from '../rollout/schemas';
import { applyEventView } from '../rollout/views';
import { route, streamed, type Route } from '../route';
import { uuid } from '../schemas';
import { abortWith } from '../signals';
import { EventStream } from '../sse';
import { z } from '../zod';

const position = z.string().regex(/^(0|[1-9][0-9]{0,14})$/, 'must be the id of an event');

/** The changes of a rollout as they happen. */
export function applyEventRoutes(deps: Deps): Route[] {
  const lookup = new RolloutLookup(deps);
  const events = route({
    method: 'get',
    path: '/v1/organizations/{org}/databases/{db}/applies/{id}/events',
    operationId: 'streamApplyEvents',
    tag: 'rollouts',
    summary: 'Follow a rollout from its beginning; ends with the event `end`',
    access: token('read'),
    params: z.strictObject({ org: uuid, db: databaseName, id: applyKey }),
    query: z.strictObject({
      after: position.optional().openapi({ description: 'Begin after this event, as `Last-Event-ID` does.' }),
    }),
    headers: z.object({ 'Last-Event-ID': position.optional() }),
    answers: {
      200: {
        description:
          'Server-sent events: `id` is `seq`, `event` is `apply` or `operation`, `data` the change of its state as JSON.',
        schema: applyEventSchema,
        contentType: 'text/event-stream',
      },
    },
    failures: ['RATE_LIMITED', 'STORE_UNAVAILABLE'],
    async handle({ caller, params: { id, ...at }, query, headers, res, gone }) {
      const { apply } = await lookup.apply(caller, at, id);
      if (res.req.method === 'HEAD') {
        res.type('text/event-stream').end();
        return streamed;
      }
      const leave = deps.streams.take(caller.id);
      const over = new AbortController();
      const forget = abortWith(over, gone, deps.closing);
      try {
        const names = new Map(readable(await lookup.rows(apply)).map((row) => [row.id, row.deployment]));
        const stream = new EventStream(res, deps.limits.heartbeatMs);
        try {
          await follow(deps, {
            ...{ stream, caller, apply, names, signal: over.signal },
            // A reconnecting browser repeats the address and adds the header, which is the newer.
            from: Number(headers['Last-Event-ID'] ?? query.after ?? '0'),
          });
        } catch (error) {
          // The caller comes back with the last event it has.
          deps.log.warn({ err: error }, 'a stream of a rollout broke off');
        } finally {
          stream.end();
        }
      } finally {
        forget();
        leave();
      }
      return streamed;
    },
  });
  return [events];
}

interface Following {
  readonly stream: EventStream;
  readonly caller: Caller;
  readonly apply: ApplyRecord;
  /** Of deployments, by operation. */
  readonly names: ReadonlyMap<string, string>;
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Sends what there is and what comes, until it is over, the caller has gone, its token is void or the API closes. */
async function follow(deps: Deps, { stream, caller, apply, names, from, signal }: Following): Promise<void> {
  const { store, applyWatch, limits, now } = deps;
  const { organizationId, id } = apply;
  let cursor = from;
  let checked = now().getTime();
  const send = async (events: readonly ApplyEvent[]): Promise<void> => {
    for (const event of events) {
      await stream.send(event.operationId === null ? 'apply' : 'operation', applyEventView(event, names), event.seq);
      cursor = event.seq;
    }
  };
  while (!signal.aborted) {
    const present = await store.rollouts.applies.get(organizationId, id);
    if (!present) return;
    // Looked at before its events: what settled it was written with it.
    if (isSettled(present.state)) {
      for (;;) {
        const rest = await store.rollouts.applies.events(organizationId, cursor, id);
        if (rest.length === 0 || signal.aborted) break;
        await send(rest);
      }
      await stream.send('end', { apply_id: id, state: present.state });
      return;
    }
    await send(await applyWatch.after(apply, cursor, signal));
    if (now().getTime() - checked > limits.heartbeatMs) {
      const found = await store.tokens.find(caller.id);
      if (!found || !isUsable(found, now())) return;
      checked = now().getTime();
    }
  }
}
