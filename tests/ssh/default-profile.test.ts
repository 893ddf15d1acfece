import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync, readFileSync, writeFileSync } from 'node:fs';
import { network } from '../../domain/address';
import { profileRevision } from '../../domain/fleet/revision';
import { profileValues } from '../../domain/fleet/values';
import type { Profile } from '../../domain/fleet/profile';
import { AgentClient } from '../../drivers/agent/client';
import { defaultProfile, loadProfile } from '../../drivers/profiles/load';
import { HealthChecker } from '../../drivers/ssh/health';
import type { Configuration } from '../../drivers/ssh/stage';
import { freePort } from '../../environment/ports';
import { eventually } from '../support/eventually';
import { startTestHost, type TestHost } from './fixture';
import { configured, connected, expectFailure, profileOf } from './support';

const networks = [network('127.0.3.0/24')];
const replicaId = randomUUID();
const allocationId = randomUUID();
const organizationId = randomUUID();
const hostname = `org-${organizationId}.example.test`;
const secret = randomBytes(32).toString('hex');
const health = new HealthChecker();
const agent = new AgentClient(networks);

let host: TestHost;
let port: number;
beforeAll(async () => {
  host = await startTestHost(6);
  port = await freePort(host.target.host);
});
afterAll(async () => {
  await Promise.all([health.close(), agent.close()]);
  await host.stop();
});

const valuesFor = (profile: Profile) =>
  profileValues(profile.values, { replicaId, address: host.target.host, port, replicaSecret: `replica-${replicaId}` });
const configuration = (profile: Profile): Configuration => ({
  profile,
  values: valuesFor(profile),
  secrets: { replicaSecret: secret },
});
const check = async (profile: Profile): Promise<void> =>
  await health.check({ profile, values: valuesFor(profile), serves: host.target.host, networks }, 2_000);
const pid = (): number => Number(host.read('agent/agent.pid'));

describe('the default profile on a machine', () => {
  const profile = defaultProfile();

  test('is found unhealthy before it was there', async () => {
    await expectFailure(check(profile), 'REPLICA_UNHEALTHY');
  });

  test('says that node is missing', async () => {
    const [checkNode] = profile.scripts;
    const without = { ...checkNode!, content: `PATH=/nowhere\n${checkNode!.content}` };
    const failure = await expectFailure(
      configured(host, configuration({ ...profile, scripts: [without, ...profile.scripts.slice(1)] })),
      'SCRIPT_FAILED',
    );
    expect(failure.message).toContain('node is not installed: the gateway agent needs node 18 or later in PATH');
    const old = { ...checkNode!, content: `node() { echo v16.20.2; }\n${checkNode!.content}` };
    const refused = configured(host, configuration({ ...profile, scripts: [old] }));
    expect((await expectFailure(refused, 'SCRIPT_FAILED')).message).toContain('node is v16.20.2');
  });

  test('installs the agent, which answers; a second time changes nothing', async () => {
    const first = await configured(host, configuration(profile));
    expect(first.ran).toEqual(['check-node', 'start-agent']);
    expect(first.lines).toContain('start-agent: the agent runs');
    await check(profile);
    const running = pid();
    const second = await configured(host, configuration(profile));
    expect(second).toMatchObject({ ran: ['start-agent'], unchanged: ['check-node'], placed: 0 });
    expect(second.lines).toContain('start-agent: the agent runs already');
    expect(pid()).toBe(running);
    expect(JSON.stringify([first, second])).not.toContain(secret);
  });

  test('keeps the agent’s epochs over a new revision, which starts it again', async () => {
    const target = { address: `${host.target.host}:${port}`, secret };
    const subject = { replica_id: replicaId, allocation_id: allocationId, organization_id: organizationId, hostname };
    await agent.handshake(target, { ...subject, epoch: 7 });
    const before = pid();
    const files = profile.files.map((file) =>
      file.path === 'agent/agent.js' ? { ...file, content: `${file.content}\n// another version\n` } : file,
    );
    const next = { ...profile, files };
    expect(await profileRevision(next)).not.toBe(await profileRevision(profile));
    const told = await configured(host, configuration(next));
    expect(told).toMatchObject({ ran: ['check-node', 'start-agent'], placed: 1 });
    await check(next);
    expect(pid()).not.toBe(before);
    expect(await agent.health(target.address)).toMatchObject({ allocation_id: allocationId, epoch: 7 });
    // What is over stays over, too.
    await expectFailure(
      agent.handshake(target, { ...subject, allocation_id: randomUUID(), epoch: 6 }),
      'HANDSHAKE_FAILED',
    );
    // And back again.
    expect(await configured(host, configuration(profile))).toMatchObject({ placed: 1 });
    expect(await agent.health(target.address)).toMatchObject({ allocation_id: allocationId, epoch: 7 });
  });

  test('has the agent come up again when it dies', async () => {
    const before = pid();
    process.kill(before, 'SIGKILL');
    await eventually(() => expect(pid()).not.toBe(before));
    await eventually(async () => await check(profile));
  });

  test('starts the agent again whose supervisor died with it', async () => {
    process.kill(Number(host.read('agent/supervisor.pid')), 'SIGKILL');
    process.kill(pid(), 'SIGKILL');
    await expectFailure(check(profile), 'REPLICA_UNHEALTHY');
    expect((await configured(host, configuration(profile))).lines).toContain('start-agent: the agent runs');
    await check(profile);
  });

  test('finds a replica unhealthy that is another one, or answers otherwise', async () => {
    const values = { ...valuesFor(profile), replicaId: randomUUID() };
    const other = health.check({ profile, values, serves: host.target.host, networks }, 2_000);
    expect((await expectFailure(other, 'REPLICA_UNHEALTHY')).message).toContain('the expected replica_id');
    const { health: own } = profile;
    if (own.kind !== 'http') throw new Error('the default profile is checked over HTTP');
    const missing = { ...profile, health: { ...own, path: '/nothing-there' } };
    await expectFailure(check(missing), 'REPLICA_UNHEALTHY');
    const outside = health.check({ profile, values: valuesFor(profile), serves: '169.254.169.254', networks }, 2_000);
    await expectFailure(outside, 'ADDRESS_REFUSED');
  });

  test('says why an agent does not come up, and leaves none that tries for ever', async () => {
    const taken = { ...configuration(profile), values: { ...valuesFor(profile), port: host.target.port } };
    const failure = await expectFailure(configured(host, taken), 'SCRIPT_FAILED');
    expect(failure.message).toContain('EADDRINUSE');
    await eventually(() => expect(() => process.kill(pid(), 0)).toThrow('ESRCH'));
    await configured(host, configuration(profile));
    await check(profile);
  });
});

describe('a health check that is a script', () => {
  test('passes with 0 and says what it printed otherwise', async () => {
    const subject = (content: string) => ({
      profile: profileOf([], { health: { kind: 'script', content, timeoutMs: 1_000 } }),
      ...{ values: {}, serves: host.target.host, networks },
    });
    await connected(host, async (connection) => {
      await health.check({ ...subject('[ -d "$GATEWRIGHT_ROOT/agent" ]'), connection }, 2_000);
      const failing = health.check({ ...subject('echo "\u001b[31mill"; exit 1'), connection }, 2_000);
      expect((await expectFailure(failing, 'REPLICA_UNHEALTHY')).message).toContain('ended with 1: \\x1b[31mill');
      await expectFailure(health.check({ ...subject('sleep 20'), connection }, 2_000), 'REPLICA_UNHEALTHY');
    });
    await expectFailure(health.check(subject('true'), 2_000), 'REPLICA_UNHEALTHY');
  });
});

describe('reading a profile from a directory', () => {
  test('refuses files outside and files that are missing', () => {
    const profile = readFileSync('profiles/default/profile.yaml', 'utf8');
    for (const from of ['../../package.json', '/etc/hostname', 'missing']) {
      writeFileSync(host.path('profile.yaml'), profile.replace('files/supervise.sh', from));
      expect(() => loadProfile(host.root)).toThrow(/profile/);
    }
    rmSync(host.path('profile.yaml'));
    expect(() => loadProfile(host.root)).toThrow('cannot read "profile.yaml"');
  });
});
