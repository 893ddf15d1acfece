import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { listen } from '../../api/server';
import { expectProblem, TestApi } from './support/api';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(async () => {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(api.engine.starts).toEqual([]);
  await api.close();
});

const organization = randomUUID();

describe('bodies of POST /gateway/start', () => {
  test.each([
    ['nothing', undefined, 'INVALID_INPUT', '#'],
    ['an array', [], 'INVALID_INPUT', '#'],
    ['a number', '5', 'INVALID_INPUT', undefined],
    ['bad JSON', '{"organization_id":', 'INVALID_INPUT', undefined],
    ['another member', { organization_id: organization, admin: true }, 'INVALID_INPUT', '#/admin'],
    ['a member with a slash', { organization_id: organization, 'a/b~': 1 }, 'INVALID_INPUT', '#/a~1b~0'],
    ['no organization', {}, 'INVALID_INPUT', '#/organization_id'],
    ['an operator object', { organization_id: { not: '' } }, 'INVALID_INPUT', '#/organization_id'],
    ['a number as organization', { organization_id: 7 }, 'INVALID_INPUT', '#/organization_id'],
    ['an upper-case UUID', { organization_id: organization.toUpperCase() }, 'INVALID_INPUT', '#/organization_id'],
    ['a newline after it', { organization_id: `${organization}\n` }, 'INVALID_INPUT', '#/organization_id'],
    ['a path', { organization_id: '../../etc/passwd' }, 'INVALID_INPUT', '#/organization_id'],
    ['an nginx directive', { organization_id: 'x.test; return 200 pwned' }, 'INVALID_INPUT', '#/organization_id'],
    ['a Kelvin sign', { organization_id: organization.replace(/.$/, '\u212a') }, 'INVALID_INPUT', '#/organization_id'],
    ['__proto__', `{"organization_id":"${organization}","__proto__":{"polluted":1}}`, 'INVALID_INPUT', '#/__proto__'],
    [
      'constructor',
      `{"organization_id":"${organization}","constructor":{"prototype":{"polluted":1}}}`,
      'INVALID_INPUT',
      '#/constructor',
    ],
    [
      '__proto__ inside',
      `{"organization_id":{"__proto__":{"polluted":1}}}`,
      'INVALID_INPUT',
      '#/organization_id/__proto__',
    ],
    ['deep nesting', `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, 'INVALID_INPUT', undefined],
  ])('%s: 400', async (_what, body, code, pointer) => {
    const reply = await api.post('/gateway/start', body);
    expectProblem(reply, 400, code);
    if (pointer !== undefined)
      expect(reply.json.errors.map((each: { pointer: string }) => each.pointer)).toContain(pointer);
  });

  test('70 kB, and 5 MB that were 5 kB when zipped: 413', async () => {
    expectProblem(await api.post('/gateway/start', { organization_id: 'x'.repeat(70_000) }), 413, 'PAYLOAD_TOO_LARGE');
    const response = await fetch(`${api.url}/gateway/start`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.tokens.operate}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(JSON.stringify({ organization_id: 'x'.repeat(5_000_000) })),
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  test.each([
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['another charset', { 'content-type': 'application/json; charset=koi8-r' }],
    ['another encoding', { 'content-encoding': 'zstd-of-the-future' }],
  ])('%s: 415', async (_what, headers) => {
    const reply = await api.post(
      '/gateway/start',
      { organization_id: organization },
      headers as Record<string, string>,
    );
    expectProblem(reply, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('addresses', () => {
  test.each([
    ['GET', '/nowhere'],
    ['GET', '/Runs'],
    ['POST', '/'],
    ['GET', '/docs/../../package.json'],
    ['GET', '/docs/%2e%2e%2fpackage.json'],
    ['GET', '/gateways/allocations/7'],
    ['GET', '/runs/..%2f..%2fetc'],
  ])('%s %s: 404', async (method, path) => {
    expectProblem(await api.call(method, path), 404, 'NOT_FOUND');
  });

  test.each([
    ['PUT', '/runs', 'GET, HEAD'],
    ['DELETE', '/gateway/start', 'POST'],
    ['PATCH', '/tokens', 'POST, GET, HEAD'],
    ['GET', `/runs/gateway-start-${organization}/cancel`, 'POST'],
    ['TRACE', '/healthz', undefined],
  ])('%s %s: 405 with Allow', async (method, path, allow) => {
    if (allow === undefined)
      return expect(raw(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).resolves.toMatch(
        /^HTTP\/1.1 405 [^]*METHOD_NOT_ALLOWED/,
      );
    const reply = await api.call(method, path);
    expectProblem(reply, 405, 'METHOD_NOT_ALLOWED');
    expect(reply.headers.get('allow')).toBe(allow);
  });

  test.each(['/runs/%ZZ', '/runs/%', '/gateways/allocations/%E0%A4%A'])('%s: 400 for a bad escape', async (path) => {
    expectProblem(await api.call('GET', path), 400, 'INVALID_INPUT');
  });

  test.each([
    '/runs?surprise=1',
    '/runs?page_size=101',
    '/runs?page_size=0',
    '/runs?page_size=1e2',
    '/runs?page_size=5&page_size=6',
    '/runs?organization=%00',
    '/runs?state=unheard_of',
    '/runs?kind=%27%3B--',
    '/runs?__proto__=1',
    '/runs?constructor=1',
    '/runs?page_token=not-one-of-ours',
    '/gateways/allocations?page_token=not-one-of-ours',
    '/gateways/allocations?open=maybe',
    '/events?after=-1',
    '/attention?needs=all',
  ])('%s: 400', async (path) => {
    const reply = await api.call('GET', path);
    expectProblem(reply, 400, 'INVALID_INPUT');
  });
});

describe('headers', () => {
  test.each([
    ['Idempotency-Key', 'x'.repeat(256)],
    ['Idempotency-Key', 'two words'],
    ['Prefer', 'x'.repeat(300)],
  ])('a bad %s: 400', async (name, value) => {
    const reply = await api.post('/gateway/start', { organization_id: organization }, { [name]: value });
    expectProblem(reply, 400, 'INVALID_INPUT');
    expect(reply.json.errors[0].header).toBe(name);
  });

  test('what is not HTTP is answered with a problem, too', async () => {
    expect(await raw('HELO gatewright\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*problem\+json[^]*INVALID_INPUT/);
    expect(await raw(`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 [^]*problem\+json/,
    );
  });

  test('whoever sends them too slowly is let go', async () => {
    const slow = await listen(express(), { host: '127.0.0.1', port: 0, headersMs: 100 });
    expect(await raw('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ', slow.url)).toMatch(
      /^HTTP\/1.1 408 [^]*problem\+json/,
    );
    await slow.close();
  });

  test('a body where none belongs: 400', async () => {
    const reply = await api.call('POST', `/runs/gateway-start-${organization}/cancel`, { body: { force: true } });
    expectProblem(reply, 400, 'INVALID_INPUT');
  });
});

describe('a replica’s address', () => {
  test.each([
    '169.254.169.254:80',
    '127.0.0.1:80',
    '127.1:80',
    '0177.0.0.1:80',
    '2130706433:80',
    '[::ffff:127.0.2.1]:80',
    'unix:/var/run/docker.sock',
    '127.0.2.1:0',
    '127.0.2.1:65536',
    '127.0.2.1:80;x',
    'localhost:80',
    '127.0.2.1',
  ])('%s is refused before anything is stored', async (address) => {
    const replica = await api.replica();
    const body = { replica_id: replica.id, address, serving_epoch: 0 };
    const before = await api.store.pool.replicas();
    const reply = await api.call('POST', '/gateway/ready', { token: replica.secret, body });
    expect([reply.status, reply.json.code]).toEqual([400, expect.stringMatching(/ADDRESS_REFUSED|INVALID_INPUT/)]);
    expect(await api.store.pool.replicas()).toEqual(before);
  });

  test('one inside the networks is taken; the wrong identity is 403', async () => {
    const [one, other] = [await api.replica(), await api.replica()];
    const body = { replica_id: one.id, address: '127.0.2.77:8080', serving_epoch: 0 };
    expectProblem(await api.call('POST', '/gateway/ready', { token: other.secret, body }), 403, 'FORBIDDEN');
    const reply = await api.call('POST', '/gateway/ready', { token: one.secret, body });
    expect(reply.json).toMatchObject({ id: one.id, address: '127.0.2.77:8080', state: 'free' });
  });
});

/** Sends bytes and reads all that comes back. */
function raw(text: string, url = api.url): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
