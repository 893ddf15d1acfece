import type { ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client } from '../../cli/client';
import { EventParser, followStream, type FollowOptions, type ServerEvent } from '../../cli/event-stream';
import { eventually } from '../support/eventually';
import { FakeApi, type Seen } from './support/fake-api';
import { runId, token } from './support/fixtures';

describe('the parser of server-sent events', () => {
  test('puts events together from pieces cut anywhere, with any line end', () => {
    const text = 'retry: 5\r\n\r\n: hello\nid: 7\nevent: run.state\ndata: {"a":\ndata: 1}\n\ndata: alone\r\r';
    const expected = [
      { event: 'run.state', data: '{"a":\n1}', id: '7' },
      { event: 'message', data: 'alone', id: undefined },
    ];
    for (let size = 1; size <= text.length; size++) {
      const parser = new EventParser();
      const found: ServerEvent[] = [];
      for (let from = 0; from < text.length; from += size) found.push(...parser.push(text.slice(from, from + size)));
      // A carriage return at the very end may be half a line end.
      found.push(...parser.push('\n'));
      expect(found).toEqual(expected);
      expect(parser.retryMs).toBe(5);
    }
  });

  test('gives nothing for comments and for an event that has not ended', () => {
    expect(new EventParser().push(': \n\nevent: run.state\ndata: 1\n')).toEqual([]);
  });
});

describe('following a stream', () => {
  let api: FakeApi;
  let client: Client;

  beforeEach(async () => {
    api = await FakeApi.start();
    client = new Client({ url: api.url, authorization: `Bearer ${token}`, tokenSource: 'a test' });
  });

  afterEach(async () => {
    await api.close();
    expect(api.wrong).toEqual([]);
  });

  async function follow(options: Partial<FollowOptions> = {}): Promise<ServerEvent[]> {
    const events: ServerEvent[] = [];
    const signal = new AbortController().signal;
    for await (const event of followStream(client, `/runs/${runId}/events`, { signal, ...options })) events.push(event);
    return events;
  }

  const part = (lines: string, end: (res: ServerResponse) => void) => (_: Seen, res: ServerResponse) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`retry: 1\n\n${lines}`, () => end(res));
  };

  test('goes on after the last event wherever the connection broke off, until the end', async () => {
    api.answer(
      'streamRunEvents',
      // In the middle of an event: it is asked for again.
      part('id: 4\nevent: run.state\ndata: 1\n\nid: 5\nevent: run.st', (res) => res.destroy()),
      { status: 503, body: problem(503, 'STORE_UNAVAILABLE') },
      part('id: 5\nevent: run.state\ndata: 2\n\n', (res) => res.end()),
      part('event: end\ndata: 3\n\n', (res) => res.end()),
    );
    const connection: boolean[] = [];
    const events = await follow({ onConnection: (up) => connection.push(up) });
    expect(events.map(({ data }) => data)).toEqual(['1', '2', '3']);
    expect(api.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '4', '4', '5']);
    expect(connection).toEqual([false, true, false, true]);
  });

  test('begins after the event that is named', async () => {
    api.answer(
      'streamRunEvents',
      part('event: end\ndata: x\n\n', (res) => res.end()),
    );
    await follow({ after: '17' });
    expect(api.seen[0]!.headers['last-event-id']).toBe('17');
  });

  test('ends when it is refused', async () => {
    api.answer('streamRunEvents', { status: 404, body: problem(404, 'NOT_FOUND') });
    await expect(follow()).rejects.toMatchObject({ document: { code: 'NOT_FOUND' } });
    expect(api.seen).toHaveLength(1);
  });

  test('ends when the API stays away for longer than the patience lasts', async () => {
    const { url } = api;
    api.answer(
      'streamRunEvents',
      part('id: 1\nevent: run.state\ndata: 1\n\n', (res) => void (res.destroy(), api.close())),
    );
    await expect(follow({ patienceMs: 20 })).rejects.toMatchObject({
      document: { code: 'API_UNREACHABLE', detail: `${url} refuses the connection.` },
    });
    api = await FakeApi.start();
  });

  test('ends without a failure when it is told to', async () => {
    const told = new AbortController();
    api.answer(
      'streamRunEvents',
      part('id: 1\nevent: run.state\ndata: 1\n\n', () => told.abort()),
    );
    await expect(follow({ signal: told.signal })).resolves.toBeDefined();
  });

  test('ends when it is told to after memory was cleared up, too', async () => {
    const told = new AbortController();
    api.answer(
      'streamRunEvents',
      part('id: 1\nevent: run.state\ndata: 1\n\n', () => undefined),
    );
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const events: ServerEvent[] = [];
    let ended = false;
    const following = (async () => {
      const { signal } = told;
      for await (const event of followStream(client, `/runs/${runId}/events`, { signal })) events.push(event);
    })().finally(() => (ended = true));
    await eventually(() => expect(events).toHaveLength(1));
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(ended).toBe(false);
    told.abort();
    await following;
  });
});

function problem(status: number, code: string): Record<string, unknown> {
  return { type: 'https://gatewright.dev/problems/x', code, status, title: 'No', detail: 'no', instance: 'urn:uuid:1' };
}
