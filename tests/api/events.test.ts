import { randomUUID } from 'node:crypto';
import { expectProblem, TestApi } from './support/api';
import { attempt } from './support/fake-engine';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start({ limits: { heartbeatMs: 50, streams: 4, streamsPerToken: 2 } });
});
afterEach(() => api.close());

const organization = randomUUID();
const note = (id: string, organizationId = organization) => api.engine.notes(id, organizationId);

interface Event {
  readonly id?: number;
  readonly event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
}

/** A stream of events that is being read. */
class Stream {
  private text = '';
  private readonly reading: Promise<void>;

  private constructor(
    readonly response: Response,
    private readonly controller: AbortController,
  ) {
    this.reading = this.read().catch(() => undefined);
  }

  static async open(path: string, headers: Record<string, string> = {}, token = api.tokens.read): Promise<Stream> {
    const controller = new AbortController();
    const response = await fetch(api.url + path, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      signal: controller.signal,
    });
    return new Stream(response, controller);
  }

  get events(): Event[] {
    return this.text
      .split('\n\n')
      .slice(0, -1)
      .filter((block) => /^event: /m.test(block))
      .map((block) => {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const id = field('id');
        return {
          ...(id !== undefined && { id: Number(id) }),
          event: field('event')!,
          data: JSON.parse(field('data')!),
        };
      });
  }

  get raw(): string {
    return this.text;
  }

  /** Waits until the server has ended the stream. */
  async ended(): Promise<Event[]> {
    await this.reading;
    return this.events;
  }

  async until(done: (stream: Stream) => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!done(this)) {
      if (Date.now() > deadline) throw new Error(`it did not come: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.controller.abort();
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.response.body!) this.text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
}

async function finishedRun(): Promise<string> {
  const id = `gateway-start-${randomUUID()}`;
  await note(id)({ type: 'attempt.started', ...attempt('allocate', 'do') });
  await note(id)({ type: 'attempt.ended', ...attempt('allocate', 'do'), outcome: 'succeeded' });
  await note(id)({ type: 'run.state', state: 'succeeded' });
  return id;
}

test('a run’s stream tells it from its beginning and ends with it', async () => {
  const id = await finishedRun();
  const stream = await Stream.open(`/runs/${id}/events`);
  expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const events = await stream.ended();
  expect(events.map((each) => each.event)).toEqual(['attempt.started', 'attempt.ended', 'run.state', 'end']);
  expect(events[0]!.data).toMatchObject({ run_id: id, organization_id: organization, step: 'allocate', phase: 'do' });
  expect(events[3]!.data).toEqual({ run_id: id, state: 'succeeded' });
  const ids = events.slice(0, 3).map((each) => each.id!);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
});

test.each(['Last-Event-ID', 'after'])('%s resumes exactly after what was seen', async (how) => {
  const id = await finishedRun();
  const [first] = await (await Stream.open(`/runs/${id}/events`)).ended();
  const path = `/runs/${id}/events`;
  const resumed =
    how === 'after'
      ? await Stream.open(`${path}?after=${first!.id}`)
      : await Stream.open(path, { [how]: String(first!.id) });
  expect((await resumed.ended()).map((each) => each.event)).toEqual(['attempt.ended', 'run.state', 'end']);
});

test('a stream resumed after the last event only ends', async () => {
  const id = await finishedRun();
  const seen = await (await Stream.open(`/runs/${id}/events`)).ended();
  const resumed = await Stream.open(`/runs/${id}/events?after=${seen.at(-2)!.id}`);
  expect((await resumed.ended()).map((each) => each.event)).toEqual(['end']);
});

test('a run that goes on is followed until it ends, with heartbeats meanwhile', async () => {
  const id = `gateway-start-${randomUUID()}`;
  await note(id)({ type: 'attempt.started', ...attempt('allocate', 'do') });
  const stream = await Stream.open(`/runs/${id}/events`);
  await stream.until(({ raw }) => raw.includes('\n: \n'));
  await note(id)({ type: 'run.state', state: 'rolling_back', error: { code: 'CANCELLED', message: 'cancelled' } });
  await note(id)({ type: 'run.state', state: 'rolled_back' });
  expect((await stream.ended()).map((each) => each.data.state ?? each.event)).toEqual([
    'attempt.started',
    'rolling_back',
    'rolled_back',
    'rolled_back',
  ]);
});

test('the stream of all begins now, or where it is told', async () => {
  await finishedRun();
  const all = await Stream.open('/events?after=0');
  const now = await Stream.open('/events');
  await all.until(({ events }) => events.length === 3);
  const id = await finishedRun();
  await all.until(({ events }) => events.length === 6);
  await now.until(({ events }) => events.length === 3);
  expect(now.events.every((each) => each.data.run_id === id)).toBe(true);
  all.close();
  now.close();
});

test('a token of one organization sees nothing of another’s', async () => {
  const token = await api.token('read', organization);
  const other = randomUUID();
  const stream = await Stream.open('/events?after=0', {}, token);
  await note(`gateway-start-${randomUUID()}`, other)({ type: 'run.state', state: 'succeeded' });
  const id = await finishedRun();
  await stream.until(({ events }) => events.length === 3);
  expect(stream.raw).not.toContain(other);
  expect(stream.events.every((each) => each.data.run_id === id)).toBe(true);
  stream.close();
});

test('streams are capped for a token and over all, and a closed one makes room', async () => {
  const own = [await Stream.open('/events'), await Stream.open('/events')];
  const refused = await api.call('GET', '/events', { token: api.tokens.read });
  expectProblem(refused, 429, 'RATE_LIMITED');
  expect(refused.headers.get('retry-after')).not.toBeNull();
  const others = [
    await Stream.open('/events', {}, api.tokens.operate),
    await Stream.open('/events', {}, api.tokens.admin),
  ];
  expectProblem(await api.call('GET', '/events', { token: await api.token('read', null) }), 429, 'RATE_LIMITED');
  own[0]!.close();
  for (let status = 429; status !== 200;) {
    const next = await Stream.open('/events');
    status = next.response.status;
    if (status === 200) own.push(next);
    else await next.ended();
  }
  for (const stream of [...own, ...others]) stream.close();
});

test('a stream ends when its token is revoked', async () => {
  const token = await api.token('read', null);
  const stream = await Stream.open('/events', {}, token);
  await api.store.tokens.revoke(token.split('_')[1]!);
  await stream.ended();
});

test('streams end when the API closes', async () => {
  const stream = await Stream.open('/events');
  const closing = api.service.close();
  await stream.ended();
  await closing;
});

test('HEAD of a stream ends', async () => {
  const reply = await api.call('HEAD', '/events');
  expect([reply.status, reply.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/event-stream/),
  ]);
});

test('a bad Last-Event-ID is 400', async () => {
  expectProblem(await api.call('GET', '/events', { headers: { 'Last-Event-ID': 'x' } }), 400, 'INVALID_INPUT');
});
