import type { JournalEntry } from '../../domain/journal';
import { isTerminal } from '../../domain/saga';
import { isUsable, token, type Caller } from '../access';
import type { Deps } from '../deps';
import { route, streamed, type Input, type Route } from '../route';
import { visibleRun } from '../run-lookup';
import { runId } from '../schemas';
import { abortWith } from '../signals';
import { EventStream } from '../sse';
import { entryView } from '../views';
import { z } from '../zod';

const position = z.string().regex(/^(0|[1-9][0-9]{0,14})$/, 'must be the id of an event');
const query = z.strictObject({
  after: position.optional().openapi({ description: 'Begin after this event, as `Last-Event-ID` does.' }),
});
const headers = z.object({ 'Last-Event-ID': position.optional() });
const answers = {
  200: {
    description:
      'Server-sent events: `id` is the position in the journal, `event` the type of the entry, `data` the entry as JSON.',
    schema: z.string(),
    contentType: 'text/event-stream',
  },
};

/** How many entries are read for one reader at once. */
const PAGE = 200;

type Streaming = Pick<
  Input<Caller, object, z.infer<typeof query>, z.infer<typeof headers>, unknown>,
  'caller' | 'query' | 'headers' | 'res' | 'gone'
>;

/** The journal as it grows, of one run or of all that the caller may see. */
export function eventRoutes(deps: Deps): Route[] {
  const ofRun = route({
    method: 'get',
    path: '/runs/{id}/events',
    operationId: 'streamRunEvents',
    tag: 'runs',
    summary: 'Follow one run from its beginning; ends with the event `end`',
    access: token('read'),
    params: z.strictObject({ id: runId }),
    query,
    headers,
    answers,
    failures: ['NOT_FOUND', 'RATE_LIMITED', 'STORE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    async handle(input) {
      const run = await visibleRun(deps, input.caller, input.params.id);
      const from = start(input) ?? 0;
      await follow(deps, input, from, { runId: run.id });
      return streamed;
    },
  });

  const all = route({
    method: 'get',
    path: '/events',
    operationId: 'streamEvents',
    tag: 'runs',
    summary: 'Follow all runs from now on, or from an event',
    access: token('read'),
    query,
    headers,
    answers,
    failures: ['RATE_LIMITED', 'STORE_UNAVAILABLE'],
    async handle(input) {
      const from = start(input) ?? (await deps.store.journal.head());
      const organizationId = input.caller.boundTo;
      await follow(deps, input, from, organizationId === null ? {} : { organizationId });
      return streamed;
    },
  });
  return [ofRun, all];
}

/** Where a stream begins: a reconnecting browser repeats the address and adds the header, which is the newer. */
function start({ query, headers }: Streaming): number | undefined {
  const position = headers['Last-Event-ID'] ?? query.after;
  return position === undefined ? undefined : Number(position);
}

/** Sends what there is and what comes, until the run has ended, the caller has gone, its token is void or the API closes. */
async function follow(
  deps: Deps,
  { caller, res, gone }: Streaming,
  from: number,
  filter: { readonly runId?: string; readonly organizationId?: string },
): Promise<void> {
  if (res.req.method === 'HEAD') {
    res.type('text/event-stream').end();
    return;
  }
  const leave = deps.streams.take(caller.id);
  try {
    const first = await deps.store.journal.after(from, { ...filter, limit: PAGE });
    const stream = new EventStream(res, deps.limits.heartbeatMs);
    const over = new AbortController();
    const forget = abortWith(over, gone, deps.closing);
    try {
      await send(deps, { stream, caller, signal: over.signal, filter }, from, first);
    } catch (error) {
      // The caller comes back with the last event it has.
      deps.log.warn({ err: error }, 'a stream of events broke off');
    } finally {
      forget();
      stream.end();
    }
  } finally {
    leave();
  }
}

interface Following {
  readonly stream: EventStream;
  readonly caller: Caller;
  readonly signal: AbortSignal;
  readonly filter: { readonly runId?: string; readonly organizationId?: string };
}

async function send(deps: Deps, following: Following, from: number, first: readonly JournalEntry[]): Promise<void> {
  const { stream, caller, signal, filter } = following;
  const { store, watch, limits, now } = deps;
  let entries = first;
  let cursor = from;
  let checked = now().getTime();
  while (!signal.aborted) {
    for (const entry of entries) {
      await stream.send(entry.type, entryView(entry), entry.seq);
      cursor = entry.seq;
    }
    if (entries.length < PAGE) {
      if (filter.runId !== undefined && (await ended(deps, filter.runId, cursor, stream))) return;
      await watch.changed(signal);
    }
    if (now().getTime() - checked > limits.heartbeatMs) {
      const token = await store.tokens.find(caller.id);
      if (!token || !isUsable(token, now())) return;
      checked = now().getTime();
    }
    entries = signal.aborted ? [] : await store.journal.after(cursor, { ...filter, limit: PAGE });
  }
}

/** Ends the stream of a run that has ended once everything was sent. */
async function ended({ store }: Deps, runId: string, cursor: number, stream: EventStream): Promise<boolean> {
  const run = await store.journal.run(runId);
  if (!run || !isTerminal(run.state)) return false;
  // The last entries may have come between the reading and this look.
  for (const entry of await store.journal.after(cursor, { runId, limit: PAGE }))
    await stream.send(entry.type, entryView(entry), entry.seq);
  await stream.send('end', { run_id: runId, state: run.state });
  return true;
}
