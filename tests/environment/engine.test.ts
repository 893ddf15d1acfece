import { randomUUID } from 'node:crypto';
import { machineToken } from '../../domain/fleet/machine';
import { DockerCloud } from '../../drivers/cloud/docker/docker';
import { dockerHost, findEngine, removeMachines } from '../../environment/engine';
import { startTestEngine, type TestEngine } from '../cloud/engine';
import { keyPair } from '../cloud/ssh-login';

test.each([
  ['unix:///var/run/docker.sock', { socketPath: '/var/run/docker.sock' }],
  ['tcp://127.0.0.1:2375', { host: '127.0.0.1', port: 2375 }],
  ['tcp://localhost:2375/', { host: '127.0.0.1', port: 2375 }],
])('DOCKER_HOST %s', (value, address) => expect(dockerHost(value)).toEqual(address));

test.each([
  'tcp://192.0.2.1:2375',
  'ssh://me@host',
  'npipe:////./pipe/docker',
  'tcp://127.0.0.1.evil.test:1',
  'unix://x',
])('DOCKER_HOST %s is not on this machine', (value) => expect(() => dockerHost(value)).toThrow(/DOCKER_HOST/));

test('a DOCKER_HOST where nothing answers is told rather than passed over', async () => {
  const env = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  await expect(findEngine(() => undefined, env)).rejects.toThrow(/no container engine answers/);
});

describe('an engine of somebody', () => {
  let engine: TestEngine;
  beforeAll(async () => (engine = await startTestEngine()), 300_000);
  afterAll(async () => await engine?.stop(), 60_000);

  test('is found, and only our machines are removed from it', async () => {
    const env = { DOCKER_HOST: `unix://${engine.direct.socketPath}` };
    expect(await findEngine(() => undefined, env)).toEqual(engine.direct);
    const cloud = new DockerCloud(engine.settings);
    for (const owner of ['mine', 'mine', 'theirs']) {
      const replicaId = randomUUID();
      const tags = { owner, organizationId: 'o', gatewayId: 'g', replicaId, token: machineToken(replicaId) };
      const rest = { name: 'n', region: engine.settings.region, publicIp: false, userTags: {}, authorizedKey: '' };
      await cloud.create({ ...rest, tags, hostKey: keyPair() });
    }
    expect(await cloud.list('mine')).toHaveLength(2);
    await removeMachines(engine.direct, 'mine');
    expect(await cloud.list('mine')).toEqual([]);
    expect(await cloud.list('theirs')).toHaveLength(1);
  }, 60_000);
});
