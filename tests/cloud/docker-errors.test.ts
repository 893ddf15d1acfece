import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { machineToken, type MachineSpec } from '../../domain/fleet/machine';
import { candidate } from '../../drivers/cloud/docker/addresses';
import { DockerCloud } from '../../drivers/cloud/docker/docker';
import { engineFailure, isBeingRemoved, isMislaid, isUnknown } from '../../drivers/cloud/docker/errors';
import { labelsOf, machineOf } from '../../drivers/cloud/docker/labels';
import { network } from '../../domain/address';

const answered = (statusCode: number, message: string): object => ({ statusCode, json: { message }, message });

describe('what an engine answers, in our words', () => {
  // Texts of dockerd 20 to 28 and of podman 4.3.
  test.each([
    ['changes', 409, 'Conflict. The container name "/x" is already in use by container "1"', 'CLOUD_CONFLICT'],
    [
      'changes',
      500,
      'container create: creating container storage: the container name "x" is already in use by 1',
      'CLOUD_CONFLICT',
    ],
    ['changes', 404, 'No such image: x:1', 'CLOUD_SPEC_REFUSED'],
    ['changes', 404, 'no such image: localhost/none:1: image not known', 'CLOUD_SPEC_REFUSED'],
    ['changes', 400, 'invalid reference format', 'CLOUD_SPEC_REFUSED'],
    ['changes', 500, 'names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument', 'CLOUD_SPEC_REFUSED'],
    ['changes', 401, 'authentication required', 'CLOUD_AUTH'],
    ['reads', 403, 'authorization denied by plugin', 'CLOUD_AUTH'],
    ['reads', 429, 'too many requests', 'CLOUD_THROTTLED'],
    ['changes', 500, 'mkdir /var/lib/docker/overlay2/1: no space left on device', 'CLOUD_CAPACITY'],
    ['changes', 500, 'runc: exited with 1', 'CLOUD_OUTCOME_UNKNOWN'],
    ['reads', 500, 'runc: exited with 1', 'CLOUD_UNAVAILABLE'],
    ['changes', 503, '<html>Service Unavailable</html>', 'CLOUD_OUTCOME_UNKNOWN'],
  ] as const)('%s, %i %s', (kind, status, text, code) => {
    expect(engineFailure(answered(status, text), kind).code).toBe(code);
  });

  test.each([
    ['changes', 'ECONNREFUSED', 'CLOUD_UNAVAILABLE'],
    ['changes', 'ENOENT', 'CLOUD_UNAVAILABLE'],
    ['changes', 'EACCES', 'CLOUD_AUTH'],
    ['changes', 'ECONNRESET', 'CLOUD_OUTCOME_UNKNOWN'],
    ['changes', 'EPIPE', 'CLOUD_OUTCOME_UNKNOWN'],
    ['reads', 'ECONNRESET', 'CLOUD_UNAVAILABLE'],
  ] as const)('%s without an answer: %s', (kind, code, expected) => {
    expect(engineFailure(Object.assign(new Error('x'), { code }), kind).code).toBe(expected);
  });

  test('its words are shortened and hold no control characters', () => {
    const { message } = engineFailure(answered(400, `a\u001b[31m\n\r${'b'.repeat(10_000)}`), 'changes');
    expect(message).toMatch(/^[\x20-\x7e’]+$/);
    expect(message.length).toBeLessThan(400);
  });

  test('files that were mislaid are no files that are missing elsewhere', () => {
    const text = 'mounting storage for container 1: lstat /store/overlay/1/merged: no such file or directory';
    expect(isMislaid(answered(500, text))).toBe(true);
    expect(isMislaid(answered(500, 'runc: exec: no such file or directory'))).toBe(false);
  });

  test('a missing image is no missing container; a removal under way is known', () => {
    expect(isUnknown(answered(404, 'No such container: 1'))).toBe(true);
    expect(isUnknown(answered(404, 'No such image: 1'))).toBe(false);
    expect(isBeingRemoved(answered(409, 'removal of container 1 is already in progress'))).toBe(true);
    expect(isBeingRemoved(answered(409, 'name is in use'))).toBe(false);
  });
});

describe('an engine that misbehaves', () => {
  let server: Server;
  let answer: (path: string) => { status: number; body: string } | 'silence' | 'cut';
  const seen: string[] = [];
  const cloud = () =>
    new DockerCloud({
      engine: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      ...{ image: 'm', region: 'here', addresses: '127.32.0.0/11', sshPort: 22022 },
    });
  const spec: MachineSpec = {
    tags: { owner: 'me', organizationId: 'o', gatewayId: 'g', replicaId: 'r', token: machineToken('r') },
    ...{ name: 'n', region: 'here', publicIp: false, userTags: {}, authorizedKey: 'k' },
    hostKey: { privateKey: 'p', publicKey: 'k' },
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url!.split('?')[0]}`);
      const what = answer(request.url!);
      request.resume();
      if (what === 'silence') return;
      if (what === 'cut') return void request.socket.destroy();
      response.writeHead(what.status, { 'content-type': 'application/json' }).end(what.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => seen.splice(0));

  test('a create that is cut off may have happened; a list that is cut off has not', async () => {
    answer = () => 'cut';
    await expect(cloud().create(spec)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN' });
    await expect(cloud().list('me')).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
    expect(seen).toEqual(['POST /containers/create', 'GET /containers/json']);
  });

  test('a call that is given up ends with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('the run was cancelled');
    answer = () => {
      controller.abort(reason);
      return 'silence';
    };
    const listing = cloud().list('me', controller.signal);
    await expect(listing).rejects.toBe(reason);
    expect(seen).toEqual(['GET /containers/json']);
  });

  test('an id that is not a whole one never reaches the engine', async () => {
    answer = () => ({ status: 200, body: '{}' });
    for (const id of ['a-database', 'abcdef', '../images/json', `${'a'.repeat(63)}/`, 'A'.repeat(64), '']) {
      expect(await cloud().get(id)).toBeNull();
      await cloud().terminate('me', id);
    }
    expect(seen).toEqual([]);
  });

  test('a container without our label is refused before anything is done to it', async () => {
    const id = 'a'.repeat(64);
    const labels = { 'gatewright.owner': 'somebody-else' };
    for (const Labels of [labels, {}, null]) {
      const body = JSON.stringify({ Id: id, State: { Status: 'running' }, Config: { Labels }, Created: new Date() });
      answer = () => ({ status: 200, body });
      await expect(cloud().terminate('me', id)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(seen).toEqual(Array.from({ length: 3 }, () => `GET /containers/${id}/json`));
  });

  test('a removal that podman trips over is repeated; one that goes on failing is told', async () => {
    const id = 'c'.repeat(64);
    const shown = { Id: id, State: { Status: 'running' }, Config: { Labels: { 'gatewright.owner': 'me' } } };
    const torn = {
      status: 500,
      body: JSON.stringify({ message: 'sending SIGKILL: container state improper: stopped' }),
    };
    let failures = 2;
    answer = () => {
      if (seen.at(-1)!.startsWith('GET'))
        return { status: 200, body: JSON.stringify({ ...shown, Created: new Date() }) };
      return failures-- > 0 ? torn : { status: 204, body: '' };
    };
    await cloud().terminate('me', id);
    expect(seen.filter((line) => line.startsWith('DELETE'))).toHaveLength(3);
    failures = Number.MAX_SAFE_INTEGER;
    await expect(cloud().terminate('me', id)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN', retryable: true });
  });

  test('a new container whose files podman mislaid is removed, and the next attempt may make another', async () => {
    const id = 'd'.repeat(64);
    const message = `mounting storage for container ${id}: lstat /store/overlay/1/merged: no such file or directory`;
    answer = (path) => {
      if (path.includes('/create')) return { status: 201, body: JSON.stringify({ Id: id }) };
      return seen.at(-1)!.startsWith('DELETE')
        ? { status: 204, body: '' }
        : { status: 500, body: JSON.stringify({ message }) };
    };
    await expect(cloud().create(spec)).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE', retryable: true });
    expect(seen.at(-1)).toBe(`DELETE /containers/${id}`);
  });

  test('a container that vanishes while it is being made is a conflict, not a broken spec', async () => {
    answer = (path) =>
      path.includes('/create')
        ? { status: 201, body: JSON.stringify({ Id: 'b'.repeat(64) }) }
        : { status: 404, body: JSON.stringify({ message: 'no such container' }) };
    await expect(cloud().create(spec)).rejects.toMatchObject({ code: 'CLOUD_CONFLICT', retryable: true });
  });
});

describe('labels', () => {
  const spec = (userTags: Record<string, string>): MachineSpec => ({
    tags: { owner: 'me', organizationId: 'o', gatewayId: 'g', replicaId: 'r', token: 't' },
    ...{ name: 'n', region: 'here', publicIp: false, userTags, authorizedKey: '' },
    hostKey: { privateKey: '', publicKey: '' },
  });

  test('users’ tags stand beside ours and cannot take their place', () => {
    const labels = labelsOf(spec({ team: 'a' }), '127.0.0.9:22');
    expect(labels).toMatchObject({ team: 'a', 'gatewright.owner': 'me', 'gatewright.token': 't' });
    for (const key of ['gatewright.owner', 'Gatewright.Owner', 'gatewright'])
      expect(() => labelsOf(spec({ [key]: 'x' }), '127.0.0.9:22')).toThrow(/reserved/);
  });

  test('an address that somebody wrote into a label is not taken for one', () => {
    for (const ssh of ['evil.test:22', '-oProxyCommand=x:22', '127.0.0.1:22; rm', '[::1]:22', ''])
      expect(
        machineOf({ id: 'i', state: 'running', labels: { 'gatewright.ssh': ssh }, createdAt: null }),
      ).toMatchObject({
        ssh: null,
        serves: null,
      });
  });
});

test('the addresses of a token lie in the network, differ by token, and are the same every time', () => {
  const small = network('127.32.8.0/30');
  const found = new Set(Array.from({ length: 100 }, (_, index) => candidate(small, `t${index}`, 0)));
  expect([...found].sort()).toEqual(['127.32.8.1', '127.32.8.2']);
  const large = network('127.32.0.0/11');
  const many = Array.from({ length: 200 }, (_, index) => candidate(large, `t${index}`, 0));
  expect(new Set(many).size).toBeGreaterThan(195);
  expect(many.every((ip) => /^127\.(3[2-9]|[45][0-9]|6[0-3])\./.test(ip))).toBe(true);
  expect(candidate(large, 't', 0)).toBe(candidate(large, 't', 0));
  expect(candidate(large, 't', 0)).not.toBe(candidate(large, 't', 1));
});
