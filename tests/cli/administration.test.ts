import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebhookEvent } from '../../domain/webhook-event';
import { hashSecret } from '../../prisma/token-secret';
import { migrate } from '../../prisma/migrate';
import { openStore } from '../../prisma/open';
import { FakeApi } from './support/fake-api';
import { allocationId, at, organization, replicaId, runId, token } from './support/fixtures';
import { runCli, type Ended } from './support/run-cli';

let api: FakeApi;

beforeEach(async () => {
  api = await FakeApi.start();
});

afterEach(async () => {
  await api.close();
  expect(api.wrong).toEqual([]);
});

async function cli(...args: string[]): Promise<Ended> {
  return await runCli(args, { env: { GATEWRIGHT_API: api.url, GATEWRIGHT_TOKEN: token } });
}

const replica = (n: number, over: Record<string, unknown>) => ({
  id: replicaId.replace(/.$/, String(n)),
  name: `agent-${n}`,
  address: `127.0.2.${n}:8190`,
  epoch: n,
  state: 'free',
  quarantined_at: null,
  quarantine_reason: null,
  allocation_id: null,
  resource_version: 1,
  ...over,
});
const quarantined = { state: 'quarantined', quarantined_at: at(0), quarantine_reason: 'its handshake failed' };

describe('the pool', () => {
  beforeEach(() => {
    const replicas = [
      replica(10, {}),
      replica(2, quarantined),
      replica(1, { state: 'allocated', allocation_id: allocationId }),
    ].map((each) => ({ ...each, id: each.id.length === 36 ? each.id : replicaId }));
    api.answer('listReplicas', { status: 200, body: { replicas } });
    const allocation = {
      ...{ id: allocationId, organization_id: organization, state: 'live', gateway_hostname: 'org-x.gateway.test' },
      ...{ replica_id: replicaId, epoch: 1, run_id: runId, created_at: at(0), released_at: null, resource_version: 2 },
    };
    api.answer('listAllocations', { status: 200, body: { allocations: [allocation], next_page_token: null } });
  });

  test('shows who holds what, and what is quarantined, by name in their order', async () => {
    const { code, out } = await cli('pool');
    expect(code).toBe(0);
    const lines = out.split('\n').map((line) => line.replace(/ {2,}[0-9a-f-]{36}$/, ''));
    expect(lines.slice(0, 4)).toEqual([
      'replica   state        address          epoch  held by organization                  since  id',
      `agent-1   allocated    127.0.2.1:8190       1  ${organization}  2 min`,
      'agent-2   quarantined  127.0.2.2:8190       2',
      'agent-10  free         127.0.2.10:8190     10',
    ]);
    expect(out).toContain('3 replicas: 1 free, 1 allocated, 1 quarantined\n');
    expect(out).toContain(
      'agent-2      quarantined for 2 min: its handshake failed\nput it back  gatewright pool readmit agent-2\n',
    );
    expect(api.seen[1]!.query).toEqual({ open: 'true', page_size: '100' });
  });

  test('with JSON carries the allocations along', async () => {
    const document = JSON.parse((await cli('pool', '--output', 'json')).out) as { replicas: Record<string, unknown>[] };
    expect(document.replicas.map((each) => (each['allocation'] as { id: string } | null)?.id)).toEqual([
      allocationId,
      undefined,
      undefined,
    ]);
  });

  test('takes a quarantined replica back by its name, and its options wherever they stand', async () => {
    api.answer('readmitReplica', { status: 200, body: replica(2, {}) });
    const ended = await cli('pool', 'readmit', 'agent-2', '--output', 'json');
    expect([ended.code, JSON.parse(ended.out)]).toEqual([0, replica(2, {})]);
    expect(api.seen.at(-1)!.path).toBe(`/gateways/replicas/${replica(2, {}).id}/readmit`);
    const unknown = await cli('pool', 'readmit', 'agent-3');
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('There is no replica agent-3')]);
  });
});

test('edges say since when and why they are behind', async () => {
  const edge = {
    name: 'edge-a',
    live_generation: 7,
    claimed_generation: 8,
    live_revision: 12,
    reloads: 7,
    routes_published: 12,
  };
  const behind = { ...edge, name: 'edge-b', behind_since: at(60_000), behind_reason: 'nginx does not answer' };
  api.answer('listEdges', {
    status: 200,
    body: { edges: [{ ...edge, behind_since: null, behind_reason: null }, behind] },
  });
  expect((await cli('edges')).out).toBe(`\
edge    state             live generation  route revision  reloads  routes published
edge-a  current                         7              12        7                12
edge-b  behind for 1 min                7              12        7                12

edge-b  nginx does not answer
`);
});

test('an edge that is gone for good is taken out by its name', async () => {
  api.answer('deleteEdge', { status: 204 });
  const ended = await cli('edges', 'remove', 'edge-b');
  expect(ended).toEqual({
    code: 0,
    err: '',
    out: 'edge   edge-b\nstate  removed\nnote   a worker that still serves it registers it again\n',
  });
  expect(api.seen.map(({ path }) => path)).toEqual(['/edges/edge-b']);
  const json = await cli('edges', 'remove', 'edge-b', '--output', 'json');
  expect(JSON.parse(json.out)).toEqual({ name: 'edge-b', removed: true });
});

describe('tokens', () => {
  const made = {
    ...{ id: '0123456789abcdef', name: 'ops', scope: 'operate', organization_id: null },
    ...{ created_at: at(0), expires_at: null, revoked_at: null, last_used_at: null },
  };

  test('print their text alone on standard output, once', async () => {
    api.answer('createToken', { status: 201, body: { ...made, token } });
    const ended = await cli('token', 'create', 'ops', '--organization', organization, '--expires', '90d');
    expect([ended.code, ended.out]).toEqual([0, `${token}\n`]);
    const body = {
      name: 'ops',
      scope: 'operate',
      organization_id: organization,
      expires_at: '2027-02-19T12:00:00.000Z',
    };
    expect(api.seen[0]!.body).toEqual(body);
  });

  test('are listed and revoked', async () => {
    const revoked = { ...made, revoked_at: at(0) };
    api.answer('listTokens', { status: 200, body: { tokens: [made, revoked, { ...made, expires_at: at(0) }] } });
    const states = (await cli('token', 'list')).out
      .split('\n')
      .slice(1, 4)
      .map((line) => line.split(/ {2,}/)[3]);
    expect(states).toEqual(['good', 'revoked', 'expired']);
    api.answer('revokeToken', { status: 200, body: revoked });
    expect((await cli('token', 'revoke', 'gw_0123456789abcdef')).out).toContain('state  revoked\n');
    expect(api.seen.at(-1)!.path).toBe('/tokens/0123456789abcdef');
  });

  test('can be made in the database itself, without any API', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gatewright-cli-'));
    const databaseUrl = `file:${join(directory, 'store.db')}`;
    await migrate(databaseUrl);
    const args = ['token', 'create', 'first', '--scope', 'admin', '--direct', '--output', 'json'];
    const ended = await runCli(args, { env: { DATABASE_URL: databaseUrl } });
    expect(ended.code).toBe(0);
    const { id, token: text } = JSON.parse(ended.out) as { id: string; token: string };
    const store = await openStore(databaseUrl);
    const kept = await store.tokens.find(id);
    expect(kept).toMatchObject({
      name: 'first',
      scope: 'admin',
      organizationId: null,
      secretHash: hashSecret(text.split('_')[2]!),
    });
    await store.close();
    rmSync(directory, { recursive: true });
    const nowhere = await runCli([...args.slice(0, -2), '--home', directory], { env: {} });
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('No database is known')]);
  });
});

describe('webhooks', () => {
  const id = replicaId;
  const url = 'https://hooks.example.org/gatewright';
  const webhook = {
    id,
    url,
    events: Object.values(WebhookEvent),
    organization_id: null,
    created_at: at(0),
    disabled_at: null,
  };

  test('get the secret of a file, or one that is made and printed once', async () => {
    api.answer('createWebhook', { status: 201, body: webhook });
    const made = await cli('webhook', 'add', url, '--event', 'run.resolved', '--event', 'run.rolled_back');
    expect(made.out).toMatch(/^[0-9a-f]{64}\n$/);
    expect(api.seen[0]!.body).toEqual({ url, secret: made.out.trim(), events: ['run.resolved', 'run.rolled_back'] });
    const directory = mkdtempSync(join(tmpdir(), 'gatewright-cli-'));
    writeFileSync(join(directory, 'secret'), 'a-secret-of-our-own\n');
    const given = await cli('webhook', 'add', url, '--secret-file', join(directory, 'secret'), '--output', 'json');
    rmSync(directory, { recursive: true });
    expect(JSON.parse(given.out)).toEqual(webhook);
    expect(api.seen[1]!.body).toEqual({ url, secret: 'a-secret-of-our-own' });
    expect((await cli('webhook', 'add', url, '--event', 'run.frobnicated')).code).toBe(2);
  });

  test('are listed, removed, and show their deliveries', async () => {
    api.answer('listWebhooks', { status: 200, body: { webhooks: [webhook] } });
    expect((await cli('webhook', 'list')).out).toContain(`${id}  ${url}`);
    api.answer('deleteWebhook', { status: 204 });
    expect(JSON.parse((await cli('webhook', 'remove', id, '--output', 'json')).out)).toEqual({ id, removed: true });
    const delivery = {
      ...{
        id: '1',
        event: 'run.rolled_back',
        run_id: runId,
        state: 'pending',
        attempts: 2,
        created_at: at(0),
        payload: {},
      },
      ...{ next_attempt_at: '2026-11-21T12:00:30.000Z', last_status: 503, last_error: 'answered 503' },
    };
    api.answer('listWebhookDeliveries', { status: 200, body: { deliveries: [delivery] } });
    expect((await cli('webhook', 'deliveries', id)).out.split('\n')[1]).toBe(
      `2 min ago  run.rolled_back  pending         2     503  in 30 s  ${runId}  answered 503`,
    );
  });
});
