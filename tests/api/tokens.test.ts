import { randomUUID } from 'node:crypto';
import { mintToken } from '../../prisma/token-secret';
import { expectProblem, TestApi } from './support/api';

let api: TestApi;
let now = new Date();
beforeAll(async () => {
  api = await TestApi.start({ now: () => now });
});
afterAll(() => api.close());

const admin = (): { token: string } => ({ token: api.tokens.admin });

test('a token made over HTTP works in both spellings, and its secret is shown once and kept nowhere', async () => {
  const made = await api.call('POST', '/tokens', { ...admin(), body: { name: 'deploy bot', scope: 'read' } });
  expect(made.status).toBe(201);
  const text = made.json.token as string;
  const [, id, secret] = text.split('_');
  expect((await api.call('GET', '/runs', { token: text })).status).toBe(200);
  expect((await api.call('GET', '/runs', { token: null, headers: { authorization: `${id}:${secret}` } })).status).toBe(
    200,
  );
  const listed = await api.call('GET', '/tokens', admin());
  expect(listed.text).toContain(id);
  expect(listed.text).not.toContain(secret);
  expect(JSON.stringify(await api.store.tokens.find(id!))).not.toContain(secret);
});

test.each([
  [
    'another secret',
    (id: string, secret: string) => `Bearer gw_${id}_${secret.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))}`,
  ],
  ['another scheme', (id: string, secret: string) => `Basic gw_${id}_${secret}`],
  ['no scheme', (id: string, secret: string) => `gw_${id}_${secret}`],
  ['the id alone', (id: string) => `Bearer gw_${id}_`],
  ['nothing', () => ''],
])('is refused with %s', async (_what, header) => {
  const [, id, secret] = api.tokens.read.split('_');
  expectProblem(
    await api.call('GET', '/runs', { token: null, headers: { authorization: header(id!, secret!) } }),
    401,
    'UNAUTHENTICATED',
  );
});

test('a revoked token is refused by the next request', async () => {
  const text = await api.token('read', null);
  expect((await api.call('GET', '/runs', { token: text })).status).toBe(200);
  const revoked = await api.call('DELETE', `/tokens/${text.split('_')[1]}`, admin());
  expect(revoked.json.revoked_at).toEqual(expect.any(String));
  expectProblem(await api.call('GET', '/runs', { token: text }), 401, 'UNAUTHENTICATED');
});

test('an expired token is refused; one that ends in the past cannot be made', async () => {
  const { id, hash, text } = mintToken();
  const expiresAt = new Date(now.getTime() + 1_000);
  await api.store.tokens.create({
    id,
    name: 'short',
    secretHash: hash,
    scope: 'read',
    organizationId: null,
    expiresAt,
  });
  expect((await api.call('GET', '/runs', { token: text })).status).toBe(200);
  now = new Date(now.getTime() + 2_000);
  expectProblem(await api.call('GET', '/runs', { token: text }), 401, 'UNAUTHENTICATED');
  const body = { name: 'late', scope: 'read', expires_at: '2001-01-01T00:00:00Z' };
  expectProblem(await api.call('POST', '/tokens', { ...admin(), body }), 400, 'INVALID_INPUT');
});

test('the use of a token is noted at most once a minute', async () => {
  const text = await api.token('read', null);
  const id = text.split('_')[1]!;
  const used = async (): Promise<Date | null> => (await api.store.tokens.find(id))!.lastUsedAt;
  expect(await used()).toBeNull();
  await api.call('GET', '/runs', { token: text });
  const first = await used();
  expect(first).not.toBeNull();
  await api.call('GET', '/runs', { token: text });
  expect(await used()).toEqual(first);
});

test('an administrator of one organization makes tokens of that organization only', async () => {
  const organization = randomUUID();
  const token = await api.token('admin', organization);
  const own = await api.call('POST', '/tokens', { token, body: { name: 'own', scope: 'operate' } });
  expect(own.json).toMatchObject({ organization_id: organization });
  const everything = { name: 'all', scope: 'read', organization_id: null };
  expectProblem(await api.call('POST', '/tokens', { token, body: everything }), 404, 'NOT_FOUND');
  const listed = await api.call('GET', '/tokens', { token });
  expect(listed.json.tokens.map((each: { organization_id: string }) => each.organization_id)).toEqual([
    organization,
    organization,
  ]);
});
