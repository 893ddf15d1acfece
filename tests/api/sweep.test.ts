import { randomUUID } from 'node:crypto';
import { shippedProfile } from '../../domain/fleet/gateway';
import { gatewayConfiguration } from '../../domain/fleet/configuration';
import { expectProblem, TestApi, type Reply } from './support/api';
import { reconcile } from './support/fleet';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start({ waitMs: 100 });
});
afterEach(() => api.close());

const sweep = (dryRun: boolean): Promise<Reply> =>
  api.call('POST', '/v1/sweep', { body: { dry_run: dryRun }, token: api.tokens.admin });

test('a sweep tells what it found, replicas by their names', async () => {
  const organizationId = randomUUID();
  const configuration = gatewayConfiguration(
    { type: 'gateway', name: 'edge', backend: 'docker', region: 'local' },
    { maxReplicas: 9 },
  );
  const gateway = await api.store.fleet.gateways.create({
    ...{ id: randomUUID(), organizationId, configuration, profile: shippedProfile, actor: null },
  });
  const [replica] = await reconcile(api.store, gateway);
  const orphan = { backend: 'docker', region: 'local', instanceId: 'c0ffee', replicaId: null, why: 'nobody’s' };
  const gone = { organizationId, gatewayId: gateway.id, replicaId: randomUUID() };
  api.engine.swept = {
    orphans: [orphan],
    tooYoung: [{ ...orphan, instanceId: 'c0ffef' }],
    lost: [{ organizationId, gatewayId: gateway.id, replicaId: replica!.id }, gone],
    unreachable: [{ backend: 'aws', error: { code: 'CLOUD_AUTH', message: 'refused' } }],
  };
  const reply = await sweep(false);
  expect(reply.status).toBe(200);
  const ids = { organization_id: organizationId, gateway_id: gateway.id };
  expect(reply.json).toEqual({
    state: 'done',
    dry_run: false,
    orphans: [{ backend: 'docker', region: 'local', instance_id: 'c0ffee', replica_id: null, why: 'nobody’s' }],
    too_young: [{ backend: 'docker', region: 'local', instance_id: 'c0ffef', replica_id: null, why: 'nobody’s' }],
    lost: [
      { ...ids, replica_id: replica!.id, name: 'edge-0' },
      { ...ids, replica_id: gone.replicaId, name: null },
    ],
    unreachable: [{ backend: 'aws', error: { code: 'CLOUD_AUTH', message: 'refused' } }],
  });
});

test('a dry run is asked for as one', async () => {
  expect((await sweep(true)).json).toMatchObject({ state: 'done', dry_run: true, orphans: [] });
  expect((await sweep(false)).json).toMatchObject({ state: 'done', dry_run: false });
  expect(api.engine.sweeps.map(({ dryRun }) => dryRun)).toEqual([true, false]);
  expectProblem(await api.call('POST', '/v1/sweep', { body: {}, token: api.tokens.admin }), 400, 'INVALID_INPUT');
  expect(api.engine.sweeps).toHaveLength(2);
});

test('one that takes longer goes on, and nobody waits for ever', async () => {
  api.engine.swept = null;
  const reply = await sweep(true);
  expect([reply.status, reply.headers.get('retry-after'), reply.json]).toEqual([
    202,
    '1',
    { state: 'running', dry_run: true },
  ]);
});

test('without Temporal there is none', async () => {
  api.engine.away = true;
  expectProblem(await sweep(false), 503, 'ENGINE_UNAVAILABLE');
});

test('a profile may hold what an agent is made of, and no request more than its route takes', async () => {
  const profile = (size: number) => ({
    values: {},
    files: [{ path: 'agent.js', mode: '0644', content: '"'.repeat(size) }],
    scripts: [],
    health: { kind: 'http', port: 80, path: '/', expect: { status: 200 } },
  });
  const put = async (size: number, path = 'profiles/web'): Promise<Reply> =>
    await api.call('PUT', `/v1/organizations/${randomUUID()}/${path}`, {
      body: profile(size),
      token: api.tokens.admin,
    });
  expect((await put(500_000)).json).toMatchObject({ name: 'web', revision: 1 });
  expectProblem(await put(4_000_000), 413, 'PAYLOAD_TOO_LARGE');
  expectProblem(await put(70_000, 'gateways/edge'), 413, 'PAYLOAD_TOO_LARGE');
});
