import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bench, host } from './support';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.started();
  await bench.publisher().publish(bench.world.route('a1', host(1), bench.gateway));
});
afterAll(() => bench.close());

/** Sends bytes to the edge and gives back what came until `enough` holds or the edge closed. */
async function raw(text: string, enough: (answer: string) => boolean = () => false): Promise<string> {
  const [address, port] = bench.edge.settings.httpAddress.split(':');
  const socket = connect({ host: address, port: Number(port) });
  let answer = '';
  socket.write(text);
  for await (const chunk of socket) {
    answer += String(chunk);
    if (enough(answer)) break;
  }
  socket.destroy();
  return answer;
}

test.each([
  ['nobody’s', 'GET / HTTP/1.1\r\nHost: other.example.test\r\nConnection: close\r\n\r\n'],
  ['the zone’s', 'GET / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n'],
  ['an address', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'],
  ['none at all', 'GET / HTTP/1.0\r\n\r\n'],
  [
    'one in the request line that is nobody’s',
    `GET http://other.test/ HTTP/1.1\r\nHost: ${host(1)}\r\nConnection: close\r\n\r\n`,
  ],
])('the host %s is answered 421 by the edge itself', async (_, request) => {
  expect((await raw(request)).split('\r\n')[0]).toBe('HTTP/1.1 421 Misdirected Request');
});

test.each([host(1), host(1).toUpperCase(), `${host(1)}.`, `${host(1)}:18080`])(
  '%s leads to the gateway',
  async (name) => {
    expect((await bench.get(name)).status).toBe(200);
  },
);

test.each([
  '/_gatewright/',
  '/_gatewright',
  '/_gatewright/handshake',
  '//_gatewright/handshake',
  '/%5fgatewright/handshake',
  '/_GATEWRIGHT/handshake',
  '/x/../_gatewright/release',
  '/x%2f..%2f_gatewright/release',
  '/./_gatewright/handshake?x=1',
])('%s never reaches a gateway', async (path) => {
  const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host(1)}\r\nConnection: close\r\n\r\n`);
  expect(answer.split('\r\n')[0]).toBe('HTTP/1.1 404 Not Found');
  expect(answer).toContain('<center>nginx</center>');
});

test('a path that only resembles it does', async () => {
  expect((await bench.get(host(1), '/_gatewrightly')).status).toBe(200);
});

test('what a client says of itself is overwritten', async () => {
  const forged = '203.0.113.9';
  const answer = await bench.get(host(1), '/a%20b?c=%2F', {
    headers: {
      'x-forwarded-for': forged,
      'x-real-ip': forged,
      'x-forwarded-host': forged,
      'x-forwarded-port': '1',
      'x-forwarded-proto': 'https',
      forwarded: `for=${forged}`,
      proxy: forged,
      'x-own': 'kept',
    },
  });
  const { url, headers } = JSON.parse(answer.body) as { url: string; headers: Record<string, string> };
  expect(url).toBe('/a%20b?c=%2F');
  expect(answer.body).not.toContain(forged);
  expect(headers).toMatchObject({
    host: host(1),
    'x-forwarded-for': '127.0.0.1',
    'x-real-ip': '127.0.0.1',
    'x-forwarded-host': host(1),
    'x-forwarded-port': bench.edge.settings.httpAddress.split(':')[1],
    'x-forwarded-proto': 'http',
    'x-own': 'kept',
  });
  expect(headers.forwarded).toBeUndefined();
  expect(answer.headers.server).toBe('nginx');
});

test('a large body passes without touching the disk of the edge', async () => {
  const answer = await bench.get(host(1), '/', { body: Buffer.alloc(8 * 2 ** 20, 'x') });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toMatchObject({ bytes: 8 * 2 ** 20 });
});

test('a WebSocket passes, and outlives a reload', async () => {
  const publisher = bench.publisher();
  const [address, port] = bench.edge.settings.httpAddress.split(':');
  const socket = connect({ host: address, port: Number(port) });
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const next = async (): Promise<string> => String((await chunks.next()).value);
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${host(1)}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  expect(await next()).toMatch(/^HTTP\/1\.1 101 /);
  socket.write('before');
  expect(await next()).toBe('before');
  await publisher.publish(bench.world.route('ws', host(99), bench.gateway));
  socket.write('after');
  expect(await next()).toBe('after');
  socket.destroy();
});

test('no request fails while the edge is reloaded thirty times under load', async () => {
  const publisher = bench.publisher();
  const agent = new Agent({ keepAlive: true });
  const failures: string[] = [];
  let served = 0;
  let reopened = 0;
  let done = false;
  const client = async (keepAlive: boolean): Promise<void> => {
    while (!done) {
      try {
        const { status } = await bench.get(host(1), '/', keepAlive ? { agent } : {});
        if (status === 200) served += 1;
        else failures.push(`status ${status}`);
      } catch (error) {
        // An idle connection that nginx closes this moment is the client's to open again (RFC 9112, 9.3.1).
        if ((error as { reusedSocket?: boolean }).reusedSocket) reopened += 1;
        else failures.push((error as Error).message);
      }
      await sleep(1);
    }
  };
  const clients = [true, true, true, false, false, false].map(client);
  const before = bench.world.published.length;
  for (let reload = 0; reload < 30; reload++) {
    await publisher.publish(bench.world.route(`load${reload}`, host(1_000 + reload), bench.gateway));
  }
  done = true;
  await Promise.all(clients);
  agent.destroy();
  expect(bench.world.published.length - before).toBe(30);
  expect(served).toBeGreaterThan(200);
  expect(failures).toEqual([]);
  expect(reopened).toBeLessThan(served / 10);
});
