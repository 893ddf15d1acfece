import Docker from 'dockerode';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { machineToken, MachineState, type MachineSpec } from '../../domain/fleet/machine';
import { createOrAdopt } from '../../drivers/cloud/adopt';
import { DockerCloud } from '../../drivers/cloud/docker/docker';
import { removeContainer } from '../../drivers/cloud/docker/remove';
import { eventually } from '../support/eventually';
import { cloudContract } from './contract';
import { startTestEngine, type TestEngine } from './engine';
import { keyPair, tryLogin } from './ssh-login';

cloudContract(
  'containers of podman, each with a real sshd',
  async () => {
    const engine = await startTestEngine();
    return {
      cloud: new DockerCloud(engine.settings),
      region: engine.settings.region,
      refused: {
        region: { region: 'elsewhere' },
        type: { instanceType: 'm5.large' },
        reserved: { userTags: { 'gatewright.owner': 'somebody' } },
      },
      loseCreateAnswer: () => engine.loseAnswer(/^POST .*\/containers\/create/),
      answerWasLost: () => engine.answerWasLost(),
      bootMs: 20_000,
      close: async () => await engine.stop(),
    };
  },
  'injected',
);

describe('containers', () => {
  let engine: TestEngine;
  let cloud: DockerCloud;
  let direct: Docker;
  const owner = 'me';
  const client = keyPair();
  const spec = (over: Partial<MachineSpec> = {}): MachineSpec => {
    const replicaId = randomUUID();
    const tags = { organizationId: 'o', gatewayId: 'g', replicaId, token: machineToken(replicaId) };
    return {
      ...{ tags: { owner, ...tags }, name: 'n', region: 'here', publicIp: false, userTags: { team: 'a b' } },
      ...{ hostKey: keyPair(), authorizedKey: client.publicKey },
      ...over,
    };
  };

  beforeAll(async () => {
    engine = await startTestEngine();
    cloud = new DockerCloud(engine.settings);
    direct = new Docker(engine.direct);
  }, 300_000);
  afterAll(async () => await engine?.stop(), 60_000);
  afterEach(async () => {
    for (const { instanceId } of await cloud.list(owner)) await cloud.terminate(owner, instanceId);
  });

  for (const [step, request] of [
    ['create', /^POST .*\/containers\/create/],
    ['the keys', /^PUT .*\/archive/],
    ['start', /^POST .*\/start/],
  ] as const)
    test(`a creation that broke off after ${step} is finished by whoever looks next`, async () => {
      const wanted = spec();
      engine.loseAnswer(request);
      await expect(cloud.create(wanted)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN' });
      expect(engine.answerWasLost()).toBe(true);
      const { machine, adopted } = await createOrAdopt(cloud, wanted, { repeated: true });
      expect(adopted).toBe(true);
      const keys = { client, host: wanted.hostKey.publicKey };
      await eventually(async () => expect(await tryLogin(machine.ssh!, keys)).toEqual({ in: true, said: 'root' }));
      expect(await cloud.list(owner)).toHaveLength(1);
    }, 60_000);

  test('no key is visible in what the engine tells of a container', async () => {
    const wanted = spec();
    const { instanceId } = await cloud.create(wanted);
    const seen = JSON.stringify(await direct.getContainer(instanceId).inspect());
    expect(seen).toContain(wanted.tags.token);
    const body = wanted.hostKey.privateKey.split('\n')[2]!;
    expect(body.length).toBeGreaterThan(40);
    expect(seen).not.toContain(body);
    expect(seen).not.toContain('PRIVATE KEY');
    expect(seen).not.toContain(client.publicKey.split(' ')[1]);
  }, 60_000);

  test('a machine has what the gateway agent and the scripts need', async () => {
    const wanted = spec();
    const { ssh } = await cloud.create(wanted);
    const command = 'for i in node flock ps ip python3; do command -v $i; done; node --version; ls /etc/ssh';
    const keys = { client, host: wanted.hostKey.publicKey };
    const said = await eventually(async () => {
      const login = await tryLogin(ssh!, keys, command);
      if (!login.in) throw new Error(login.why);
      return login.said;
    });
    for (const program of ['node', 'flock', 'ps', 'ip', 'python3']) expect(said).toMatch(new RegExp(`/${program}\n`));
    expect(Number(/v([0-9]+)\./.exec(said)![1])).toBeGreaterThanOrEqual(18);
    // Keys of the image would be those of every machine.
    expect(said).not.toContain('ssh_host_');
  }, 60_000);

  test('a container that was killed is on its way out, is not adopted, and can be destroyed', async () => {
    const wanted = spec();
    const { instanceId } = await cloud.create(wanted);
    await direct.getContainer(instanceId).kill();
    await eventually(async () => expect(await cloud.get(instanceId)).toMatchObject({ state: MachineState.stopping }));
    await expect(createOrAdopt(cloud, wanted, { repeated: true })).rejects.toMatchObject({ code: 'MACHINE_GONE' });
    await cloud.terminate(owner, instanceId);
    expect(await cloud.get(instanceId)).toBeNull();
  }, 60_000);

  test('a container that was removed behind our back is gone', async () => {
    const { instanceId } = await cloud.create(spec());
    await removeContainer(direct.getContainer(instanceId));
    expect(await cloud.get(instanceId)).toBeNull();
    await cloud.terminate(owner, instanceId);
    expect(await cloud.list(owner)).toEqual([]);
  }, 60_000);

  test('containers that are not ours are not listed and not destroyed', async () => {
    const { Id: id } = (await direct
      .createContainer({ Image: engine.settings.image, name: 'a-database', Labels: { team: 'other' } })
      .then(async (container) => await container.inspect()))!;
    expect(await cloud.list(owner)).toEqual([]);
    await expect(cloud.terminate(owner, id)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // Its name is no id of ours.
    await cloud.terminate(owner, 'a-database');
    expect((await direct.getContainer(id).inspect()).Name).toContain('a-database');
    await direct.getContainer(id).remove({ force: true });
  }, 60_000);

  test('ten machines at once have ten addresses', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, async () => await cloud.create(spec())));
    expect(new Set(made.map(({ serves }) => serves)).size).toBe(10);
    expect(await cloud.list(owner)).toHaveLength(10);
  }, 60_000);

  test('an image that the engine does not have is refused', async () => {
    const without = new DockerCloud({ ...engine.settings, image: 'localhost/not-there:1' });
    await expect(without.create(spec())).rejects.toMatchObject({ code: 'CLOUD_SPEC_REFUSED' });
    expect(await cloud.list(owner)).toEqual([]);
  });

  test('an engine that is away did nothing', async () => {
    const away = new DockerCloud({ ...engine.settings, engine: { socketPath: '/nonexistent/engine.sock' } });
    await expect(away.create(spec())).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE', retryable: true });
    await expect(away.list(owner)).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
  });
});

test('ending the engine leaves no process of a container', async () => {
  const engine = await startTestEngine();
  const cloud = new DockerCloud(engine.settings);
  const replicaId = randomUUID();
  const tags = { owner: 'me', organizationId: 'o', gatewayId: 'g', replicaId, token: machineToken(replicaId) };
  const { instanceId, ssh } = await cloud.create({
    ...{ tags, name: 'n', region: 'here', publicIp: false, userTags: {} },
    ...{ hostKey: keyPair(), authorizedKey: keyPair().publicKey },
  });
  const processes = (): string => execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  expect(processes()).toContain(instanceId);
  await engine.stop();
  expect(processes()).not.toContain(instanceId);
  expect((await tryLogin(ssh!, { client: keyPair(), host: keyPair().publicKey })).in).toBe(false);
}, 120_000);
