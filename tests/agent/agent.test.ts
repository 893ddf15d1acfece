import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import WebSocket from 'ws';
import { agentPaths, handshakeText } from '../../domain/gateway/agent-protocol';
import { prove } from '../../drivers/agent/proof';
import { startAgent } from '../../environment/agent/start';
import { get, Impostor, TestAgent, testClient } from './fixture';

const client = testClient({ handshakeMs: 5_000, requestMs: 2_000 });
let agent: TestAgent;
beforeAll(async () => {
  agent = await TestAgent.start();
});
afterAll(async () => {
  await agent.stop();
  await client.close();
});

/** Each test begins above the epochs of those before. */
let epoch = 0;
const next = (): ReturnType<TestAgent['subject']> => agent.subject(++epoch);

const post = async (path: string, body: string): Promise<number> => {
  const response = await fetch(`http://${agent.options.address}${path}`, { method: 'POST', body });
  await response.arrayBuffer();
  return response.status;
};

describe('handshake', () => {
  test('makes it serve the allocation, under its host name alone', async () => {
    const subject = next();
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 421 });
    await client.handshake(agent.target, subject);
    const { replica_id, allocation_id, organization_id, hostname } = subject;
    const answer = { replica_id, allocation_id, organization_id, epoch: subject.epoch, host: hostname };
    expect(await agent.visit(hostname, '/any/path?x=1')).toEqual({ status: 200, body: answer });
    expect(await agent.visit(`${hostname.toUpperCase()}:8080`)).toMatchObject({ status: 200 });
    expect(await agent.visit(next().hostname)).toMatchObject({ status: 421 });
    expect(await client.health(agent.options.address)).toEqual({
      replica_id,
      status: 'ok',
      allocation_id,
      epoch: subject.epoch,
    });
  });

  test('repeated, is answered the same', async () => {
    const subject = next();
    await client.handshake(agent.target, subject);
    await client.handshake(agent.target, subject);
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 200 });
  });

  test('of a newer epoch replaces the older one, which then is over', async () => {
    const [older, newer] = [next(), next()];
    await client.handshake(agent.target, older);
    await client.handshake(agent.target, newer);
    expect(await agent.visit(older.hostname)).toMatchObject({ status: 421 });
    const late = client.handshake(agent.target, older);
    await expect(late).rejects.toMatchObject({
      code: 'HANDSHAKE_FAILED',
      message: expect.stringContaining(`epoch ${older.epoch}`),
    });
    expect(await agent.visit(newer.hostname)).toMatchObject({ status: 200 });
  });

  test('of another allocation with the same epoch is refused', async () => {
    const subject = next();
    await client.handshake(agent.target, subject);
    await expect(client.handshake(agent.target, agent.subject(subject.epoch))).rejects.toMatchObject({
      code: 'HANDSHAKE_FAILED',
    });
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 200 });
  });

  test('with another secret, or for another replica, is refused and changes nothing', async () => {
    const subject = next();
    const stranger = { ...agent.target, secret: 'not-the-secret' };
    await expect(client.handshake(stranger, subject)).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    const elsewhere = { ...subject, replica_id: subject.allocation_id };
    await expect(client.handshake(agent.target, elsewhere)).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 421 });
  });

  test('with a token of another handshake is refused', async () => {
    const [subject, other] = [next(), next()];
    const token = prove(agent.target.secret, handshakeText(subject));
    expect(await post(agentPaths.handshake, JSON.stringify({ ...other, token }))).toBe(403);
    expect(await post(agentPaths.handshake, JSON.stringify({ ...subject, token }))).toBe(200);
  });
});

describe('release', () => {
  test('ends the epoch, is the same again, and the epoch never begins again', async () => {
    const subject = next();
    await client.handshake(agent.target, subject);
    expect(await client.release(agent.target, subject)).toBe('released');
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 421 });
    expect(await client.release(agent.target, subject)).toBe('released');
    await expect(client.handshake(agent.target, subject)).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
  });

  test('of an epoch that never began keeps a late handshake out', async () => {
    const subject = next();
    expect(await client.release(agent.target, subject)).toBe('released');
    await expect(client.handshake(agent.target, subject)).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
  });

  test('of an older epoch leaves the newer one', async () => {
    const [older, newer] = [next(), next()];
    await client.handshake(agent.target, newer);
    expect(await client.release(agent.target, older)).toBe('released');
    expect(await agent.visit(newer.hostname)).toMatchObject({ status: 200 });
  });

  test('with another secret, or of another allocation, is refused', async () => {
    const subject = next();
    await client.handshake(agent.target, subject);
    await expect(client.release({ ...agent.target, secret: 'not-the-secret' }, subject)).rejects.toMatchObject({
      code: 'HANDSHAKE_FAILED',
    });
    await expect(client.release(agent.target, agent.subject(subject.epoch))).rejects.toMatchObject({
      code: 'HANDSHAKE_FAILED',
    });
    expect(await agent.visit(subject.hostname)).toMatchObject({ status: 200 });
  });
});

describe('after a kill', () => {
  test('it serves what it served, and what was over stays over', async () => {
    const [over, serving] = [next(), next()];
    await client.handshake(agent.target, over);
    await client.handshake(agent.target, serving);
    agent.component.signal('SIGKILL');
    await agent.component.ended;
    await expect(client.health(agent.options.address)).rejects.toMatchObject({ code: 'HANDSHAKE_TIMEOUT' });
    await agent.restart();
    expect(await agent.visit(serving.hostname)).toMatchObject({ status: 200 });
    await expect(client.handshake(agent.target, over)).rejects.toMatchObject({ code: 'HANDSHAKE_FAILED' });
    await client.handshake(agent.target, serving);
    expect((await stat(agent.options.stateFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(agent.options.stateFile, 'utf8')).not.toContain(agent.target.secret);
  });
});

describe('WebSockets', () => {
  const connect = (host: string): WebSocket =>
    new WebSocket(`ws://${agent.options.address}/chat`, { headers: { host } });

  test('are echoed, and closed when the allocation ends', async () => {
    const subject = next();
    await client.handshake(agent.target, subject);
    const socket = connect(subject.hostname);
    await once(socket, 'open');
    const echo = once(socket, 'message');
    socket.send('hello');
    expect(String((await echo)[0])).toBe('hello');
    const closed = once(socket, 'close');
    await client.release(agent.target, subject);
    expect((await closed)[0]).toBe(1001);
  });

  test('are refused under any other host name', async () => {
    const socket = connect(next().hostname);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('421');
  });
});

describe('requests that are not of the protocol', () => {
  test.each([
    ['no JSON', agentPaths.handshake, '{', 400],
    ['null', agentPaths.handshake, 'null', 400],
    ['a missing member', agentPaths.handshake, '{"epoch":1}', 400],
    [
      'an epoch that is no number',
      agentPaths.release,
      '{"epoch":"1","replica_id":"","allocation_id":"","token":""}',
      400,
    ],
    ['a huge body', agentPaths.handshake, 'x'.repeat(100_000), 413],
    ['an unknown path', '/_gatewright/else', '{}', 404],
  ])('%s', async (_, path, body, status) => {
    expect(await post(path, body)).toBe(status);
  });

  test('another method', async () => {
    expect(await get(agent.options.address, agentPaths.handshake, 'x')).toMatchObject({ status: 405 });
  });
});

describe('announcing', () => {
  test('is repeated until it is heard, with the secret and the epoch', async () => {
    const heard: unknown[] = [];
    const api = await Impostor.start((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        heard.push([request.method, request.url, request.headers.authorization, JSON.parse(text)]);
        response.writeHead(heard.length < 3 ? 503 : 200).end();
      });
    });
    const announcing = await TestAgent.start(`http://${api.address}`);
    try {
      await logged(announcing, 'announced');
      const { replicaId, address } = announcing.options;
      const body = { replica_id: replicaId, address, serving_epoch: 0 };
      expect(heard).toEqual(Array(3).fill(['POST', '/gateway/ready', `Bearer ${announcing.target.secret}`, body]));

      await client.handshake(announcing.target, announcing.subject(5));
      await announcing.component.kill();
      await announcing.restart();
      while (heard.length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
      expect((heard[3] as unknown[])[3]).toEqual({ ...body, serving_epoch: 5 });
    } finally {
      await announcing.stop();
      await api.stop();
    }
  });

  test('ends the agent when the API says 403, with a clear word', async () => {
    let refusing = false;
    const api = await Impostor.start((_, response) => response.writeHead(refusing ? 403 : 503).end());
    const refused = await TestAgent.start(`http://${api.address}`);
    try {
      refusing = true;
      expect(await refused.component.ended).toBe('exited with code 1');
      await logged(refused, 'id and secret do not belong together');
    } finally {
      await refused.stop();
      await api.stop();
    }
  });
});

test('an agent whose address is taken does not come up, and says why', async () => {
  const taken = startAgent({ ...agent.options, replicaId: 'another', stateFile: `${agent.options.stateFile}.2` });
  await expect(taken).rejects.toMatchObject({
    name: 'ComponentFailed',
    message: expect.stringContaining('EADDRINUSE'),
  });
});

/** Waits until the agent's log says something. */
async function logged({ options }: TestAgent, words: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const log = await readFile(options.logFile, 'utf8');
    if (log.includes(words)) return;
    if (Date.now() > deadline) throw new Error(`not in the log: ${words}\n${log}`);
  }
}
