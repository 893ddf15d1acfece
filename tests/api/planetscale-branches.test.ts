import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { cachingSha2 } from '../../api/planetscale/verifier';
import { Failure } from '../../domain/failures';
import { eventually, TestApi } from './support/api';
import { expectError, Planetscale } from './support/planetscale';

/* Branches and the accounts that may touch one of them alone. */

let api: TestApi;
let ps: Planetscale;
const log: string[] = [];
beforeEach(async () => {
  log.length = 0;
  api = await TestApi.start({ waitMs: 300, limits: { caretakeMs: 50 }, log: (line) => log.push(line) });
  ps = await Planetscale.of(api);
});
afterEach(() => api.close());

const deploys = () => api.engine.deploys;

describe('branches', () => {
  beforeEach(() => ps.database());

  test('are made from the default branch unless told, each with a schema of its own', async () => {
    const made = await ps.post('/branches', { name: 'feature', region: 'us-east', cluster_size: 'PS_DEV' });
    expect([made.status, made.json]).toEqual([
      201,
      expect.objectContaining({ name: 'feature', parent_branch: 'main', ready: false, state: 'pending' }),
    ]);
    const nested = (await ps.post('/branches', { name: 'nested', parent_branch: 'feature' })).json;
    expect(nested).toMatchObject({ parent_branch: 'feature', actor: { display_name: 'test admin' } });
    const schemas = ((await ps.get('/branches')).json.data as { schema_name: string }[]).map(
      (each) => each.schema_name,
    );
    expect(new Set(schemas).size).toBe(4);
  });

  test('are listed by what is asked for', async () => {
    const names = async (query: string): Promise<string[]> =>
      ((await ps.get(`/branches?${query}`)).json.data as { name: string }[]).map(({ name }) => name);
    expect(await names('')).toEqual(['main', 'dev']);
    expect(await names('order=desc')).toEqual(['dev', 'main']);
    expect(await names('production=true')).toEqual(['main']);
    expect(await names('safe_migrations=1')).toEqual([]);
    expect(await names('q=EV')).toEqual(['dev']);
  });

  test('need a parent and a database that are ready', async () => {
    deploys().quick = false;
    expect((await ps.post('/branches', { name: 'slow' })).status).toBe(201);
    const early = await ps.post('/branches', { name: 'child', parent_branch: 'slow' });
    expectError(early, 409, 'conflict');
    expect(early.json.message).toBe('the branch is not ready: it is pending');
    expectError(await ps.post('/branches/slow/passwords', {}), 409);
    expectError(await ps.get('/branches/slow/schema'), 409);
    expectError(await ps.post('/deploy-requests', { branch: 'slow' }), 409);
    expectError(await ps.post('/branches', { name: 'dev' }), 409, 'conflict');
  });

  test('go with what was made from them where that is asked for, children first', async () => {
    await ps.post('/branches', { name: 'child', parent_branch: 'dev' });
    await ps.post('/branches', { name: 'grandchild', parent_branch: 'child' });
    const ids = Object.fromEntries(
      ((await ps.get('/branches')).json.data as { name: string; id: string }[]).map(({ name, id }) => [id, name]),
    );
    expect((await ps.call('DELETE', ps.at('/branches/dev?delete_descendants=true'))).status).toBe(204);
    const deleted = deploys().begun.filter((each) => each.startsWith('branch-delete-'));
    expect(deleted.map((each) => ids[each.replace('branch-delete-', '')])).toEqual(['grandchild', 'child', 'dev']);
    expectError(await ps.get('/branches/dev'), 404);
    expect((await ps.post('/branches', { name: 'dev' })).status).toBe(201);
  });

  test('stay where they are needed', async () => {
    const main = await ps.call('DELETE', ps.at('/branches/main'));
    expectError(main, 409);
    expect(main.json.message).toBe('cannot delete: main is the default branch of its database');
    await ps.request('in_progress');
    const active = await ps.call('DELETE', ps.at('/branches/dev'));
    expectError(active, 409);
    expect(active.json.message).toBe('cannot delete: deploy request 1 is still active (state: in_progress)');
    expectError(await ps.call('DELETE', ps.at()), 409);
  });

  test('close the requests that were never deployed when they go, so that nothing waits for them', async () => {
    await ps.post('/branches', { name: 'other' });
    await ps.request();
    await ps.request('no_changes');
    await ps.request('ready', { branch: 'other' });
    expect((await ps.call('DELETE', ps.at('/branches/dev'))).status).toBe(204);
    const states = async (): Promise<string[]> =>
      ((await ps.get('/deploy-requests')).json.data as { state: string }[]).map(({ state }) => state);
    expect(await states()).toEqual(['open', 'closed', 'closed']);
    expect(deploys().told.filter(({ signal }) => signal === 'close')).toHaveLength(2);
    await ps.call('DELETE', ps.at());
    expect(deploys().told.filter(({ signal }) => signal === 'close')).toHaveLength(3);
  });

  test('go once Temporal is back, where it was away', async () => {
    deploys().away = true;
    expect((await ps.call('DELETE', ps.at('/branches/dev'))).status).toBe(204);
    expect((await ps.get('/branches/dev')).json.resource_state).toBe('deleting');
    expectError(await ps.post('/deploy-requests', { branch: 'dev' }), 409);
    deploys().away = false;
    await eventually(async () => (await ps.get('/branches/dev')).status === 404);
  });

  test('are still known to requests once they are gone', async () => {
    await ps.request('complete');
    await ps.call('DELETE', ps.at('/branches/dev'));
    expect((await ps.get('/deploy-requests/1')).json).toMatchObject({ branch: 'dev', branch_deleted: true });
  });

  test('show what they are, and what they have changed since they were made', async () => {
    deploys().seen = ({ look }) =>
      look.at === 'schema'
        ? { objects: [{ name: 'users', text: 'CREATE TABLE `users` (\n  `a<b` int\n);' }] }
        : { diff: [{ name: 'users', text: ' CREATE\n-old\n+new' }], lint: [] };
    expect((await ps.get('/branches/dev/schema')).json).toEqual({
      data: [
        {
          name: 'users',
          raw: 'CREATE TABLE `users` (\n  `a<b` int\n);',
          html: '<pre>CREATE TABLE `users` (\n  `a&lt;b` int\n);</pre>',
        },
      ],
    });
    expect((await ps.get('/branches/dev/diff')).json.data[0].raw).toBe(' CREATE\n-old\n+new');
    expect(deploys().looks.map(({ look }) => look.at)).toEqual(['schema', 'branch']);
  });

  test('cannot be looked at while nobody looks, or in vain', async () => {
    deploys().quick = false;
    expectError(await ps.get('/branches/dev/schema'), 503, 'engine_unavailable');
    deploys().quick = true;
    deploys().seen = () => {
      throw new Failure('DATABASE_UNREACHABLE', 'connect ECONNREFUSED 10.9.8.7:3306');
    };
    const reply = await ps.get('/branches/dev/schema');
    expect(reply.status).toBeGreaterThanOrEqual(500);
    expect(reply.text).not.toContain('10.9.8.7');
  });

  test('are noted to have changed', async () => {
    expect((await ps.get('/branches/dev')).json.schema_last_updated_at).toBeNull();
    expect((await ps.post('/branches/dev/refresh-schema')).status).toBe(204);
    expect((await ps.get('/branches/dev')).json.schema_last_updated_at).toMatch(/Z$/);
  });
});

describe('databases', () => {
  test('are begun and deleted by whoever comes next, where the process was killed in between', async () => {
    deploys().away = true;
    const made = await ps.call('POST', `/organizations/${ps.organizationId}/databases`, { name: 'shop' });
    expect([made.status, made.json.kind]).toEqual([201, 'mysql']);
    deploys().away = false;
    await eventually(async () => (await ps.get('')).json.ready === true);
    const { id } = (await api.store.deploys.databases.named(ps.organizationId, 'shop'))!;
    await api.store.deploys.databases.update(ps.organizationId, id, { state: 'deleting' });
    await eventually(async () => (await ps.get('')).status === 404);
  });

  test('are not deleted while they are protected', async () => {
    await ps.database();
    await ps.call('PATCH', ps.at(), { deletion_protected: true });
    expectError(await ps.call('DELETE', ps.at()), 409, 'conflict');
    await ps.call('PATCH', ps.at(), { deletion_protected: false, new_name: 'store', revert_window_seconds: 60 });
    expect((await ps.get('', 'store')).json).toMatchObject({ name: 'store', revert_window_seconds: 60 });
    expect((await ps.call('DELETE', ps.at('', 'store'))).status).toBe(204);
    expectError(await ps.get('', 'store'), 404);
  });

  test('take a schema that is there already', async () => {
    const body = { name: 'legacy', adopt: { server: 'mariadb-url', schema: 'legacy_shop' }, default_branch: 'trunk' };
    const path = `/v1/organizations/${ps.organizationId}/databases`;
    expect((await api.call('POST', path, { body, token: api.tokens.admin })).status).toBe(201);
    expect((await ps.get('/branches/trunk', 'legacy')).json).toMatchObject({
      schema_name: 'legacy_shop',
      parent_branch: null,
    });
    const wrong = { ...body, name: 'wrong', kind: 'postgresql' };
    expectError(await api.call('POST', path, { body: wrong, token: api.tokens.admin }), 422);
  });
});

describe('accounts', () => {
  test('on PostgreSQL: the workflow gets what the server compares, and the caller the password, once', async () => {
    await ps.database('shop', 'postgresql');
    const { status, json } = await ps.post('/branches/dev/passwords', { name: 'app', role: 'writer', ttl: 60 });
    expect([status, json]).toEqual([
      201,
      expect.objectContaining({ name: 'app', role: 'writer', ttl_seconds: 60, access_host_url: '127.0.0.1:15432' }),
    ]);
    const [account] = deploys().accounts;
    const { scramSha256 } = account!.verifier as { scramSha256: string };
    expect(scramSha256).toBe(scram(json.plain_text as string, scramSha256));
    expect(json.url).toBe(
      `postgresql://${json.username}:${json.plain_text}@127.0.0.1:15432/gatewright?options=-csearch_path%3D${json.schema}`,
    );
    for (const place of [
      JSON.stringify(deploys().accounts),
      log.join(),
      (await ps.get('/branches/dev/passwords')).text,
    ])
      expect(place).not.toContain(json.plain_text);
    expect((await ps.get('/branches/dev/passwords')).json.data).toMatchObject([{ id: json.id, plain_text: null }]);
  });

  test('on MySQL and MariaDB alike', async () => {
    await ps.database();
    const { json } = await ps.post('/branches/dev/passwords', {});
    const verifier = deploys().accounts[0]!.verifier as { nativePassword: string; cachingSha2: string };
    const sha1 = (data: string | Buffer): Buffer => createHash('sha1').update(data).digest();
    expect(verifier.nativePassword).toBe(
      `*${sha1(sha1(json.plain_text as string))
        .toString('hex')
        .toUpperCase()}`,
    );
    expect(verifier.cachingSha2).toBe(cachingSha2(json.plain_text as string, verifier.cachingSha2.slice(7, 27)));
    expect(json.url).toBe(`mysql://${json.username}:${json.plain_text}@127.0.0.1:13306/${json.schema}`);
    expect(json.username.length).toBeLessThanOrEqual(32);
  });

  test('on a branch with safe migrations change no tables', async () => {
    await ps.database();
    await ps.post('/branches/main/safe-migrations');
    await ps.post('/branches/main/passwords', { role: 'admin' });
    await ps.post('/branches/dev/passwords', { role: 'admin' });
    expect(deploys().accounts.map(({ role }) => role)).toEqual(['readwriter', 'admin']);
  });

  test('leave nothing behind where they could not be made', async () => {
    await ps.database();
    deploys().failing.set('password-create', new Failure('DATABASE_UNREACHABLE', 'gone'));
    const reply = await ps.post('/branches/dev/passwords', {});
    expect(reply.status).toBeGreaterThanOrEqual(500);
    expect(reply.text).not.toContain('gwp_');
    expect((await ps.get('/branches/dev/passwords')).json.data).toEqual([]);
  });

  test('are dropped when they are deleted, and when their time is over', async () => {
    await ps.database();
    const { json } = await ps.post('/branches/dev/passwords', {});
    expect((await ps.call('DELETE', ps.at(`/branches/dev/passwords/${json.id}`))).status).toBe(204);
    expect(deploys().begun).toContain(`password-delete-${json.id}`);
    expectError(await ps.call('DELETE', ps.at(`/branches/dev/passwords/${json.id}`)), 404);
    const short = (await ps.post('/branches/dev/passwords', { ttl: 1 })).json;
    await eventually(() => deploys().begun.includes(`password-delete-${short.id}`));
    await eventually(async () => (await ps.get(`/branches/dev/passwords/${short.id}`)).status === 404);
  });
});

/** RFC 5802 with the salt of another verifier. */
function scram(password: string, other: string): string {
  const salt = Buffer.from(/^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(other)![1]!, 'base64');
  const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256');
  const key = (label: string): Buffer => createHmac('sha256', salted).update(label).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
}
