import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { confirmationText, type HandshakeRequest } from '../../domain/gateway/agent-protocol';
import { prove } from '../../drivers/agent/proof';
import { freePort } from '../../environment/ports';
import { Impostor, TestAgent, testClient } from './fixture';

const secret = 'the-secret';
const client = testClient();
let impostor: Impostor | undefined;
afterEach(async () => {
  await impostor?.stop();
  impostor = undefined;
});
afterAll(async () => await client.close());

const subject: Omit<HandshakeRequest, 'token'> = {
  replica_id: randomUUID(),
  allocation_id: randomUUID(),
  organization_id: randomUUID(),
  hostname: 'org-x.example.test',
  epoch: 3,
};
const { replica_id, allocation_id, epoch } = subject;
const good = { replica_id, allocation_id, epoch, proof: prove(secret, confirmationText(subject)) };
const other = randomUUID();

describe('a wrong answer ends the handshake at once', () => {
  test.each([
    ['a page', 200, '<h1>hello</h1>'],
    ['JSON of another shape', 200, '[]'],
    ['a member too many', 200, JSON.stringify({ ...good, role: 'admin' })],
    ['a missing proof', 200, JSON.stringify({ ...good, proof: undefined })],
    ['a wrong proof', 200, JSON.stringify({ ...good, proof: prove('another', confirmationText(subject)) })],
    ['a proof that is not hexadecimal', 200, JSON.stringify({ ...good, proof: 'z'.repeat(64) })],
    ['our own token as proof', 200, JSON.stringify({ ...good, proof: prove(secret, 'handshake') })],
    ['another replica', 200, JSON.stringify({ ...good, replica_id: other })],
    ['another allocation', 200, JSON.stringify({ ...good, allocation_id: other })],
    ['another epoch', 200, JSON.stringify({ ...good, epoch: 4 })],
    ['204', 204, ''],
    ['403', 403, '{}'],
    ['404', 404, '{}'],
    ['409', 409, '{}'],
    ['a huge answer', 200, JSON.stringify({ ...good, padding: 'x'.repeat(20_000) })],
  ])('%s', async (_, status, body) => {
    impostor = await Impostor.start((__, response) => response.writeHead(status).end(body));
    const shake = client.handshake({ address: impostor.address, secret }, subject);
    await expect(shake).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED', retryable: false });
    expect(impostor.requests).toBe(1);
  });

  test('a redirect, which is not followed', async () => {
    const target = await Impostor.start((_, response) => response.end(JSON.stringify(good)));
    impostor = await Impostor.start((_, response) =>
      response.writeHead(307, { location: `http://${target.address}/` }).end(),
    );
    const shake = client.handshake({ address: impostor.address, secret }, subject);
    await expect(shake).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    expect(target.requests).toBe(0);
    await target.stop();
  });

  test('what an impostor says of itself does not appear in the message unescaped', async () => {
    const body = JSON.stringify({ ...good, replica_id: '\u001b[2J\n' + 'x'.repeat(500) });
    impostor = await Impostor.start((_, response) => response.end(body));
    const error = await client
      .handshake({ address: impostor.address, secret }, subject)
      .catch((reason: Error) => reason);
    expect((error as Error).message).toMatch(/^[\x20-\x7e]{1,300}$/);
  });
});

test('the right answer, whatever came before that was none', async () => {
  impostor = await Impostor.start((_, response) => {
    if (impostor!.requests === 1) response.writeHead(503).end();
    else if (impostor!.requests === 2) response.destroy();
    else response.end(JSON.stringify(good));
  });
  await client.handshake({ address: impostor.address, secret }, subject);
  expect(impostor.requests).toBe(3);
});

test('neither the secret nor a reusable word of it is sent', async () => {
  const seen: string[] = [];
  impostor = await Impostor.start((request, response) => {
    seen.push(JSON.stringify([request.url, request.rawHeaders]));
    request.on('data', (chunk) => seen.push(String(chunk)));
    request.on('end', () => response.end(JSON.stringify(good)));
  });
  await client.handshake({ address: impostor.address, secret }, subject);
  expect(seen.join()).not.toContain(secret);
  expect(seen.join()).toContain(allocation_id);
});

describe('silence ends it at the deadline', () => {
  const timesOut = async (address: string): Promise<void> => {
    await expect(client.handshake({ address, secret }, subject)).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    expect(await client.release({ address, secret }, subject)).toBe('unreachable');
    await expect(client.health(address)).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
  };

  test('nobody listens', async () => await timesOut(`127.0.0.1:${await freePort()}`));

  test('a socket that accepts and says nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    await timesOut(`127.0.0.1:${(silent.address() as AddressInfo).port}`);
    expect(sockets.length).toBeGreaterThan(3); // it asked again and again
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('a body that comes drop by drop', async () => {
    impostor = await Impostor.start((_, response) => {
      const text = JSON.stringify(good);
      let sent = 0;
      const drip = setInterval(() => response.write(text[sent++]!), 50);
      response.on('close', () => clearInterval(drip));
    });
    await timesOut(impostor.address);
    expect(impostor.requests).toBeGreaterThan(1);
  });

  test('an agent that always says 500', async () => {
    impostor = await Impostor.start((_, response) => response.writeHead(500).end());
    await expect(client.handshake({ address: impostor.address, secret }, subject)).rejects.toMatchObject({
      code: 'HANDSHAKE_TIMEOUT',
    });
    expect(impostor.requests).toBeGreaterThan(1);
  });

  test('a real agent that is stopped, which is reached once it goes on', async () => {
    const agent = await TestAgent.start();
    try {
      agent.component.signal('SIGSTOP');
      const mine = agent.subject(1);
      await expect(client.handshake(agent.target, mine)).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
      agent.component.signal('SIGCONT');
      expect(await testClient({ releaseMs: 5_000, requestMs: 2_000 }).release(agent.target, mine)).toBe('released');
    } finally {
      await agent.stop();
    }
  });
});

test('an impostor cannot release', async () => {
  impostor = await Impostor.start((_, response) => response.end(JSON.stringify(good)));
  const release = client.release({ address: impostor.address, secret }, subject);
  await expect(release).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED', message: expect.stringContaining('prove') });
});

test('a cancelled handshake ends with the reason of the cancelling', async () => {
  const controller = new AbortController();
  const reason = new Error('cancelled by the run');
  impostor = await Impostor.start(() => controller.abort(reason));
  await expect(client.handshake({ address: impostor.address, secret }, subject, controller.signal)).rejects.toBe(
    reason,
  );
  await expect(client.handshake({ address: impostor.address, secret }, subject, controller.signal)).rejects.toBe(
    reason,
  );
  expect(impostor.requests).toBe(1);
});

describe('addresses that are refused before any connection', () => {
  test.each([
    (port: number) => `127.1:${port}`,
    (port: number) => `0177.0.0.1:${port}`,
    (port: number) => `2130706433:${port}`,
    (port: number) => `0x7f.0.0.1:${port}`,
    (port: number) => `127.0.0.01:${port}`,
    (port: number) => `[::ffff:127.0.0.1]:${port}`,
    (port: number) => `[::1]:${port}`,
    (port: number) => `localhost:${port}`,
    (port: number) => `127.0.0.1:${port}\n`,
    (port: number) => ` 127.0.0.1:${port}`,
    (port: number) => `127.0.0.1:0${port}`,
    (port: number) => `127.0.0.1:${port}/x`,
    (port: number) => `127.0.0.1:${port}@127.0.0.1:${port}`,
    (port: number) => `user@127.0.0.1:${port}`,
    (port: number) => `127.0.0.1:${port}#`,
    (port: number) => `unix:/var/run/docker.sock:${port}`,
    (port: number) => `127.0.1.1:${port}`, // outside the allowed network
    () => '127.0.0.1',
    () => '127.0.0.1:0',
    () => '127.0.0.1:65536',
    () => '127.0.0.1:-1',
    () => '169.254.169.254:80',
    () => '0.0.0.0:80',
    () => '',
  ])('%#', async (make) => {
    impostor = await Impostor.start((_, response) => response.end(JSON.stringify(good)));
    const target = { address: make(Number(impostor.address.split(':')[1])), secret };
    await expect(client.handshake(target, subject)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    await expect(client.release(target, subject)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    await expect(client.health(target.address)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect(impostor.requests).toBe(0);
  });
});

test('proxies of the environment are not used', async () => {
  const proxy = await Impostor.start((_, response) => response.end('{}'));
  const names = ['http_proxy', 'HTTP_PROXY', 'NODE_USE_ENV_PROXY'];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://${proxy.address}`;
  impostor = await Impostor.start((_, response) => response.end(JSON.stringify(good)));
  const fresh = testClient();
  await fresh.handshake({ address: impostor.address, secret }, subject);
  expect([impostor.requests, proxy.requests]).toEqual([1, 0]);
  names.forEach((name, index) =>
    before[index] === undefined ? delete process.env[name] : (process.env[name] = before[index]),
  );
  await fresh.close();
  await proxy.stop();
});
