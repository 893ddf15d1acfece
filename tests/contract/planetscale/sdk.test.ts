import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestApi } from '../../api/support/api';
import { operation } from '../../api/support/fake-deploys';
import { Planetscale } from '../../api/support/planetscale';
import { RolloutWorld } from '../../api/support/rollouts';
import type { DatabaseKind } from '../../../domain/deploy/database';
import { DeploymentState } from '../../../domain/deploy/states';
import { Sdk } from './sdk';

/*
 * PlanetScale's TypeScript SDK, unmodified, makes every call that Gatewright serves. It is generated from the official
 * OpenAPI document and refuses an answer in which anything is missing or of another type.
 */

let api: TestApi;
let ps: Planetscale;
let sdk: Sdk;
beforeAll(async () => {
  api = await TestApi.start({ webhookNetworks: ['192.0.2.0/24'] });
  ps = await Planetscale.of(api);
  sdk = Sdk.start(api.url, ps.tokens.admin, ps.organizationId);
});
afterAll(async () => {
  await sdk.close();
  await api.close();
});

const lint = [
  { code: 'NO_UNIQUE_KEY', table: 'logs', column: null, subject: null, message: 'table logs has no key', rows: null },
] as const;

test('organizations, regions, sizes and the user', async () => {
  expect(await sdk.call('listOrganizations')).toMatchObject({ data: [{ id: ps.organizationId }] });
  expect(await sdk.call('getOrganization')).toMatchObject({ name: ps.organizationId, database_count: 0 });
  expect(await sdk.call('listRegionsForOrganization')).toMatchObject({ data: [{ slug: 'local' }] });
  expect(await sdk.call('listPublicRegions')).toMatchObject({ data: [{ slug: 'local' }] });
  expect(await sdk.call('listClusterSizeSkus')).toEqual([]);
  expect(await sdk.call('getCurrentUser')).toMatchObject({ display_name: 'test admin' });
});

describe.each<DatabaseKind>(['mysql', 'postgresql'])('a database of kind %s', (kind) => {
  const database = `shop-${kind}`;
  const at = { database };
  const on = { database, branch: 'dev' };

  test('is made, listed, shown and set', async () => {
    const made = await sdk.call('createDatabase', { name: database, kind, cluster_size: 'PS_10', region: 'us-east' });
    expect(made).toMatchObject({ name: database, kind, state: 'pending' });
    expect(await sdk.call('getDatabase', at)).toMatchObject({ state: 'ready', ready: true });
    expect((await sdk.call('listDatabases', { q: kind })).data).toHaveLength(1);
    const set = { require_approval_for_deploy: false, allow_foreign_key_constraints: true, default_branch: 'main' };
    expect(await sdk.call('updateDatabaseSettings', { ...at, ...set })).toMatchObject({ default_branch: 'main' });
    expect(await sdk.call('listDatabaseRegions', at)).toMatchObject({ data: [{ slug: 'local' }] });
  });

  test('gets branches', async () => {
    const made = await sdk.call('createBranch', { ...at, name: 'dev', parent_branch: 'main', cluster_size: 'PS_DEV' });
    expect(made).toMatchObject({ name: 'dev', parent_branch: 'main', kind });
    expect(await sdk.call('getBranch', on)).toMatchObject({ ready: true, production: false });
    expect((await sdk.call('listBranches', { ...at, production: false })).data).toMatchObject([{ name: 'dev' }]);
    expect(await sdk.call('promoteBranch', on)).toMatchObject({ production: true });
    expect(await sdk.call('demoteBranch', on)).toMatchObject({ production: false });
    expect(await sdk.call('enableSafeMigrations', on)).toMatchObject({ safe_migrations: true });
    expect(await sdk.call('disableSafeMigrations', on)).toMatchObject({ safe_migrations: false });
    expect((await sdk.call('listKeyspaces', on)).data).toMatchObject([{ name: database }]);
    api.engine.deploys.seen = () => ({ objects: [{ name: 'users', text: 'CREATE TABLE users;' }], lint, diff: [] });
    expect(await sdk.call('getBranchSchema', on)).toEqual({
      data: [{ name: 'users', raw: 'CREATE TABLE users;', html: '<pre>CREATE TABLE users;</pre>' }],
    });
    expect((await sdk.call('lintBranchSchema', on)).data).toMatchObject([{ lint_error: 'NO_UNIQUE_KEY' }]);
  });

  test('hands out accounts of a branch', async () => {
    const made = await sdk.call('createPassword', { ...on, name: 'app', role: 'readwriter', ttl: 3600 });
    expect(made).toMatchObject({
      name: 'app',
      role: 'readwriter',
      ttl_seconds: 3600,
      plain_text: expect.stringMatching(/^gwp_/),
    });
    expect(await sdk.call('getPassword', { ...on, id: made.id })).toMatchObject({ id: made.id, plain_text: null });
    expect((await sdk.call('listPasswords', on)).data).toMatchObject([{ username: made.username }]);
    expect(await sdk.call('deletePassword', { ...on, id: made.id })).toBeNull();
    expect(await sdk.refused('getPassword', { ...on, id: made.id })).toMatchObject({ tag: 'NotFound' });
  });

  test('tells webhooks', async () => {
    const url = 'https://192.0.2.1/hook';
    const made = await sdk.call('createWebhook', { ...at, url, enabled: true, events: ['deploy_request.opened'] });
    expect(made).toMatchObject({ url, enabled: true, events: ['deploy_request.opened'] });
    expect(made.secret).toMatch(/^[0-9a-f]{64}$/);
    const one = { ...at, id: made.id };
    expect(await sdk.call('getWebhook', one)).toMatchObject({ id: made.id });
    expect((await sdk.call('listWebhooks', at)).data).toHaveLength(1);
    expect(await sdk.call('updateWebhook', { ...one, enabled: false })).toMatchObject({ enabled: false });
    expect(await sdk.call('testWebhook', one)).toBeNull();
    expect(await sdk.call('deleteWebhook', one)).toBeNull();
  });

  test('has a throttle', async () => {
    expect(await sdk.call('getDatabaseThrottler', at)).toMatchObject({ configurations: [{ ratio: 0 }] });
    expect(await sdk.call('updateDatabaseThrottler', { ...at, ratio: 25 })).toMatchObject({
      keyspaces: [database],
      configurations: [{ keyspace_name: database, ratio: 25 }],
    });
    expect(await sdk.refused('updateDatabaseThrottler', { ...at, ratio: 96 })).toMatchObject({
      tag: 'UnprocessableEntity',
    });
  });

  test('deploys, with reviews, a throttle, and everything that is told of it', async () => {
    const opened = await sdk.call('createDeployRequest', { ...at, branch: 'dev', into_branch: 'main', notes: 'n' });
    expect(opened).toMatchObject({ number: 1, deployment_state: 'pending', state: 'open' });
    const one = { ...at, number: 1 };
    expect(await sdk.call('getDeployRequest', one)).toMatchObject({ deployment_state: 'ready' });
    expect(await sdk.call('reviewDeployRequest', { ...one, state: 'commented', body: 'hm' })).toMatchObject({
      body: 'hm',
    });
    expect(await sdk.call('reviewDeployRequest', { ...one, state: 'approved', body: '' })).toMatchObject({
      state: 'approved',
    });
    expect((await sdk.call('listDeployRequestReviews', one)).data).toHaveLength(2);
    expect(await sdk.call('updateAutoApply', { ...one, enable: true })).toMatchObject({
      approved: true,
      num_comments: 1,
    });
    expect(await sdk.call('updateAutoDeleteBranch', { ...one, enable: true })).toMatchObject({
      deployment: { auto_cutover: true, auto_delete_branch: true },
    });
    expect(await sdk.call('getDeployRequestThrottler', one)).toMatchObject({ configurations: [{ ratio: 25 }] });
    expect(await sdk.call('updateDeployRequestThrottler', { ...one, ratio: 95 })).toMatchObject({
      configurations: [{ keyspace_name: database, ratio: 95 }],
    });
    expect(await sdk.call('checkDeployRequestStorage', one)).toMatchObject({ enough_storage: true });
    expect(await sdk.call('queueDeployRequest', { ...one, instant_ddl: false })).toMatchObject({
      deployment_state: 'queued',
    });
    expect((await sdk.call('listDeployOperations', one)).data).toMatchObject([{ table_name: 'users' }]);
    expect(await sdk.call('getDeployment', one)).toMatchObject({ state: 'queued', deploy_request_number: 1 });
    expect((await sdk.call('getDeployQueue', at)).data).toMatchObject([{ deploy_request_number: 1 }]);
    expect(await sdk.call('cancelDeployRequest', one)).toMatchObject({ deployment_state: 'in_progress_cancel' });
    expect(await sdk.refused('cancelDeployRequest', one)).toMatchObject({
      tag: 'Conflict',
      message: 'cannot cancel: deploy request is in state "in_progress_cancel"',
    });
  });

  test('reverts, skips the revert, forces, completes and closes', async () => {
    const inState = async (state: DeploymentState): Promise<object> => ({
      ...at,
      number: (await ps.request(state, {}, database)).number,
    });
    expect(await sdk.call('completeGatedDeployRequest', await inState('pending_cutover'))).toMatchObject({
      deployment_state: 'in_progress_cutover',
    });
    expect(await sdk.call('forceCutoverDeployRequest', await inState('in_progress_cutover'))).toMatchObject({
      deployment_state: 'in_progress_cutover',
    });
    const open = 'complete_pending_revert';
    expect(await sdk.call('completeRevert', await inState(open))).toMatchObject({
      deployment_state: 'in_progress_revert',
    });
    expect(await sdk.call('skipRevertPeriod', await inState(open))).toMatchObject({ deployment_state: 'complete' });
    expect(await sdk.call('completeErroredDeploy', await inState('complete_error'))).toMatchObject({
      deployment_state: 'complete',
    });
    expect(await sdk.call('closeDeployRequest', { ...(await inState('ready')), state: 'closed' })).toMatchObject({
      state: 'closed',
    });
  });

  test('is read in every state, with everything that a state may bring along', async () => {
    const { requests } = api.store.deploys;
    for (const state of Object.values(DeploymentState)) {
      const { id, number } = await ps.request(state, {}, database);
      const at = new Date();
      const all = [operation(), operation({ kind: 'DROP', table: 'old', canDropData: true, recentlyUsedAt: at })];
      await requests.setPlan(ps.organizationId, id, '{}', all);
      await requests.report(ps.organizationId, id, {
        users: { state: 'in_progress', percent: 33.3, rowsCopied: 5_000_000_000, rowsPerSecond: 1.5, etaSeconds: 2.5 },
        old: { state: 'error', throttledBy: 'asked', throttledAt: at, error: 'it has failed' },
      });
      await requests.note(ps.organizationId, id, {
        ...{
          lint,
          error: { code: 'CHANGE_BLOCKED', message: 'held up' },
          queuedAt: at,
          submittedAt: at,
          startedAt: at,
        },
        ...{ readyToCutoverAt: at, cutoverAt: at, forceCutoverRequestedAt: at, revertWindowEndsAt: at, finishedAt: at },
        ...{ cutoverActor: 'a (1)', cancelActor: 'b (2)', revertActor: 'c (3)' },
      });
      const shown = await sdk.call('getDeployRequest', { database, number });
      expect(shown).toMatchObject({ deployment_state: state, deployment: { state, lint_errors: [{}] } });
      expect(shown.deployment.deploy_operations[0]).toMatchObject({ progress_percentage: 33, eta_seconds: 3 });
    }
    const listed = await sdk.call('listDeployRequests', { database, per_page: 100 });
    expect(listed.data.length).toBeGreaterThan(20);
    expect(
      (await sdk.call('listDeployRequests', { database, state: 'open', branch: 'dev', page: 1 })).data,
    ).not.toEqual([]);
  });

  test('goes, with its branches', async () => {
    expect(await sdk.refused('deleteDatabase', at)).toMatchObject({ tag: 'Conflict' });
    for (const request of await api.store.deploys.requests.inLine(ps.organizationId, (await stored()).id))
      await leaveLine(request.id);
    expect(await sdk.call('deleteBranch', on)).toBeNull();
    expect(await sdk.refused('getBranch', on)).toMatchObject({ tag: 'NotFound' });
    expect(await sdk.call('deleteDatabase', at)).toBeNull();
    expect(await sdk.refused('getDatabase', at)).toMatchObject({ tag: 'NotFound' });
  });

  async function stored() {
    return (await api.store.deploys.databases.named(ps.organizationId, database))!;
  }

  /** Ends a request, however far it is. */
  async function leaveLine(id: string): Promise<void> {
    await ps.forced(id, 'complete');
  }
});

test('a deploy over three deployments, which are shards to it', async () => {
  const world = await RolloutWorld.of(api, ps);
  const apply = await world.apply({ cutover: 'barrier' });
  const one = { database: 'shop', number: apply.request.number };
  await apply.move(0, 'begin');
  expect(await sdk.call('getDatabase', { database: 'shop' })).toMatchObject({ default_branch_shard_count: 3 });
  expect(await sdk.call('getBranch', { database: 'shop', branch: 'main' })).toMatchObject({ shard_count: 3 });
  const shown = await sdk.call('getDeployRequest', one);
  expect(shown).toMatchObject({ into_branch_sharded: true, into_branch_shard_count: 3 });
  expect(shown.deployment.deploy_operation_summaries).toMatchObject([
    { table_name: 'users', sharded: true, shard_names: ['main', 'eu-1', 'us-1'] },
  ]);
  expect((await sdk.call('listDeployOperations', one)).data).toHaveLength(3);
  expect(await sdk.call('getDeployment', one)).toMatchObject({ state: 'submitting' });
  expect(await sdk.call('cancelDeployRequest', one)).toMatchObject({ number: one.number });
  expect(await sdk.refused('cancelDeployRequest', one)).toMatchObject({ tag: 'Conflict' });
  const other = { database: 'shop', number: (await ps.request()).number };
  expect(await sdk.call('queueDeployRequest', { ...other, strategy: 'parallel' })).toMatchObject({
    deployment_state: 'queued',
  });
});

test('the SDK refuses an answer in which something is missing', async () => {
  const server = createServer((_req, res) => res.setHeader('content-type', 'application/json').end('{"id":"x"}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const other = Sdk.start(`http://127.0.0.1:${port}`, ps.tokens.admin, ps.organizationId);
  expect(await other.refused('getOrganization')).toMatchObject({ tag: 'PlanetScaleParseError' });
  await other.close();
  server.close();
});

test('a token that nobody was given, and one that may not', async () => {
  const strangers = Sdk.start(api.url, `${'0'.repeat(16)}:${'a'.repeat(64)}`, ps.organizationId);
  expect(await strangers.refused('listDatabases')).toMatchObject({ tag: 'Unauthorized' });
  await strangers.close();
  const reader = Sdk.start(api.url, ps.tokens.read, ps.organizationId);
  expect(await reader.refused('createDatabase', { name: 'x', cluster_size: 'PS_10' })).toMatchObject({
    tag: 'Forbidden',
  });
  await reader.close();
});
