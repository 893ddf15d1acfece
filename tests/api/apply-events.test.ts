import { eventually, expectProblem, TestApi } from './support/api';
import { RolloutWorld, untilLive, type TestApply } from './support/rollouts';

/* The changes of a rollout as they happen. */

let api: TestApi;
let world: RolloutWorld;
let apply: TestApply;
beforeAll(async () => {
  api = await TestApi.start({ limits: { heartbeatMs: 50, streamsPerToken: 2 } });
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await RolloutWorld.of(api);
  apply = await world.apply();
});

interface Event {
  readonly id: number | undefined;
  readonly event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
}

/** A stream that is being read. */
class Listening {
  private text = '';
  private readonly controller = new AbortController();
  readonly ended: Promise<void>;

  constructor(query = '', headers: Record<string, string> = {}) {
    this.ended = this.read(query, headers).catch(() => undefined);
  }

  get events(): Event[] {
    const field = (block: string, name: string): string | undefined =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    return this.text
      .split('\n\n')
      .slice(0, -1)
      .filter((block) => /^event: /m.test(block))
      .map((block) => {
        const id = field(block, 'id');
        const data: unknown = JSON.parse(field(block, 'data')!);
        return { id: id === undefined ? undefined : Number(id), event: field(block, 'event')!, data };
      });
  }

  close(): void {
    this.controller.abort();
  }

  private async read(query: string, headers: Record<string, string>): Promise<void> {
    const response = await fetch(`${api.url}/v1${world.ps.at(`/applies/${apply.id}/events${query}`)}`, {
      headers: { authorization: world.ps.tokens.read, ...headers },
      signal: this.controller.signal,
    });
    for await (const chunk of response.body!) this.text += Buffer.from(chunk as Uint8Array).toString();
  }
}

test('are sent as they come, in their order, to everybody who listens, until it is over', async () => {
  const [one, other] = [new Listening(), new Listening()];
  await apply.move(0, 'begin');
  await eventually(() => one.events.length >= 2 && other.events.length >= 2);
  const [first, second] = one.events;
  expect([first!.event, second!.event].sort()).toEqual(['apply', 'operation']);
  const operation = one.events.find(({ event }) => event === 'operation')!;
  expect(operation.data).toMatchObject({
    ...{ apply_id: apply.id, operation_id: apply.operations[0]!.id, deployment: 'main', from: 'pending' },
    ...{ to: 'running', says: 'Rows are copied', seq: operation.id },
  });
  expect(one.events.find(({ event }) => event === 'apply')!.data).toMatchObject({ operation_id: null, to: 'running' });
  await apply.move(0, 'cancel');
  for (const position of [1, 2]) await apply.move(position, 'cancel');
  await Promise.all([one.ended, other.ended]);
  expect(one.events).toEqual(other.events);
  expect(one.events.at(-1)).toEqual({ id: undefined, event: 'end', data: { apply_id: apply.id, state: 'cancelled' } });
  const ids = one.events.flatMap(({ id }) => id ?? []);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  const versions = one.events.filter(({ event }) => event === 'apply').map(({ data }) => data.version as number);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
});

test('go on after the last that was seen', async () => {
  await apply.move(0, ...untilLive);
  const first = new Listening();
  const isLive = ({ data }: Event): boolean => data.to === 'revert_window';
  await eventually(() => first.events.filter(isLive).length === 2);
  first.close();
  await first.ended;
  const id = `${first.events[2]!.id}`;
  for (const [query, headers] of [
    [`?after=${id}`, {}],
    ['?after=0', { 'Last-Event-ID': id }],
  ] as const) {
    const again = new Listening(query, headers);
    await eventually(() => again.events.length >= first.events.length - 3);
    expect(again.events).toEqual(first.events.slice(3));
    again.close();
    await again.ended;
  }
});

test('of one that is over, are all there is, and the end', async () => {
  for (const position of [0, 1, 2]) await apply.move(position, 'cancel');
  const all = new Listening();
  await all.ended;
  expect(all.events.filter(({ event }) => event === 'operation')).toHaveLength(3);
  expect(all.events.at(-1)!.event).toBe('end');
  const none = new Listening(`?after=${all.events.at(-2)!.id}`);
  await none.ended;
  expect(none.events.map(({ event }) => event)).toEqual(['end']);
});

test('end with the token of who listens', async () => {
  const listening = new Listening();
  await apply.move(0, 'begin');
  await eventually(() => listening.events.length > 0);
  await api.store.tokens.revoke(world.ps.tokens.read.split(':')[0]!);
  await listening.ended;
  expect(listening.events.map(({ event }) => event)).not.toContain('end');
});

test('are not sent to more than so many at once', async () => {
  const open = [new Listening(), new Listening()];
  await apply.move(0, 'begin');
  await eventually(() => open.every(({ events }) => events.length > 0));
  expectProblem(await apply.get('/events'), 429, 'RATE_LIMITED');
  for (const each of open) each.close();
});
